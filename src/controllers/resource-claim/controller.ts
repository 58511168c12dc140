import type { Pod } from "../../api/core/types.generated.ts";
import type { ResourceClaim } from "../../api/resource/types.generated.ts";
import { pods, resourceClaims, resourceClaimTemplates } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { controllerOf, objectKey } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import type { Intent } from "../framework/intent.ts";
import { controlledBy, indexByController } from "../framework/ownership.ts";
import { type ClaimUsersSnapshot, isPod, isPodDone, reconcileClaimUsers } from "./claim-users.ts";
import { nameOfClaim, type PodClaimsSnapshot, reconcilePodClaims } from "./pod-claims.ts";

/** What one key is about: a pod and the claims it wants, or a claim and who uses it. */
export type ResourceClaimSnapshot = PodClaimsSnapshot | ClaimUsersSnapshot;

const podKey = (key: string) => `pods/${key}`;
const claimKey = (key: string) => `claims/${key}`;

/** Makes claims from templates for pods, and keeps the lists of who uses a claim true (KEP-4381). */
export function resourceClaimController({
  client,
  informers,
}: {
  readonly client: Client;
  readonly informers: InformerFactory;
}): Controller<ResourceClaimSnapshot> {
  const podInformer = informers.informer(pods);
  const claimInformer = informers.informer(resourceClaims);
  const templateInformer = informers.informer(resourceClaimTemplates);
  indexByController(claimInformer);

  const isLiving = async ({ metadata: { namespace = "" } }: ResourceClaim, name: string, uid: string) => {
    const cached = podInformer.lister.get(`${namespace}/${name}`);
    // The scheduler may know a pod before this cache does.
    const pod = cached?.metadata.uid === uid ? cached : await getPod(client, namespace, name);
    return pod?.metadata.uid === uid && !isPodDone(pod);
  };
  const observePod = (key: string): PodClaimsSnapshot | undefined => {
    const pod = podInformer.lister.get(key);
    if (pod === undefined) return undefined;
    const at = (name: string) => `${pod.metadata.namespace}/${name}`;
    return {
      pod,
      owned: controlledBy(claimInformer, pod),
      claimOf: (name) => claimInformer.lister.get(at(name)),
      templateOf: (name) => templateInformer.lister.get(at(name)),
    };
  };
  const observeClaim = async (key: string): Promise<ClaimUsersSnapshot | undefined> => {
    const claim = claimInformer.lister.get(key);
    if (claim === undefined) return undefined;
    const living = new Set<string>();
    for (const user of (claim.status?.reservedFor ?? []).filter(isPod)) {
      if (await isLiving(claim, user.name, user.uid)) living.add(user.uid);
    }
    const owner = controllerOf(claim);
    const pod =
      owner?.kind === pods.kind
        ? podInformer.lister.get(`${claim.metadata.namespace}/${owner.name}`)
        : undefined;
    return {
      claim,
      living,
      isOwnerDone: pod !== undefined && pod.metadata.uid === owner?.uid && isPodDone(pod),
    };
  };

  return {
    name: "resourceclaim-controller",
    eventSource: "resource_claim",
    watches: [
      watch(podInformer, keysOfPod, changesClaims),
      watch(claimInformer, (claim) => {
        const owner = controllerOf(claim);
        const own = claimKey(objectKey(claim));
        const users = (claim.status?.reservedFor ?? []).filter(isPod).map(({ name }) => name);
        const names = new Set([...users, ...(owner?.kind === pods.kind ? [owner.name] : [])]);
        return [own, ...[...names].map((name) => podKey(`${claim.metadata.namespace}/${name}`))];
      }),
      watch(templateInformer, ({ metadata: { namespace = "", name } }) =>
        podInformer.lister
          .list({ namespace })
          .filter(({ spec }) =>
            spec.resourceClaims?.some(({ resourceClaimTemplateName }) => resourceClaimTemplateName === name),
          )
          .map((pod) => podKey(objectKey(pod))),
      ),
    ],
    observe(key) {
      const cut = key.indexOf("/");
      const object = key.slice(cut + 1);
      return key.startsWith("pods/") ? observePod(object) : observeClaim(object);
    },
    reconcile: (snapshot): Intent[] =>
      "pod" in snapshot ? reconcilePodClaims(snapshot) : reconcileClaimUsers(snapshot),
  };
}

/** The pod itself, and the claims it has a part in. Nothing for the most of pods, which want none. */
function keysOfPod(pod: Pod): string[] {
  const wanted = pod.spec.resourceClaims ?? [];
  if (wanted.length === 0) return [];
  const names = wanted.flatMap((each) => nameOfClaim(pod, each) ?? []);
  return [podKey(objectKey(pod)), ...names.map((name) => claimKey(`${pod.metadata.namespace}/${name}`))];
}

function changesClaims(old: Pod, pod: Pod): boolean {
  return (
    old.metadata.uid !== pod.metadata.uid ||
    old.spec.nodeName !== pod.spec.nodeName ||
    isPodDone(old) !== isPodDone(pod) ||
    !semanticallyEqual(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses)
  );
}

async function getPod(client: Client, namespace: string, name: string): Promise<Pod | undefined> {
  try {
    return await client.get(pods, { namespace, name });
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}
