import { secretsOf } from "../../api/core/pod-references.ts";
import type {
  Container,
  Pod,
  ServiceAccount as ServiceAccountObject,
  Volume,
} from "../../api/core/types.generated.ts";
import { serviceAccounts } from "../../api/resources.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { sleep } from "../../base/clock.ts";
import { type Random, randomSuffix } from "../../base/random.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { podTokenSeconds } from "../virtual/token-request.ts";
import { type AdmissionDependencies, getLive, isFor, refuse } from "./dependencies.ts";
import { unlistedSecret } from "./mountable-secrets.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";
const tokenVolumePrefix = "kube-api-access-";
const tokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Gives every pod a service account, its token as a volume, and its image pull secrets. */
export function serviceAccountPlugin(dependencies: AdmissionDependencies): AdmissionPlugin {
  const lister = dependencies.informers.informer(serviceAccounts).lister;
  return {
    name: "ServiceAccount",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      if (attributes.object === undefined) return attributes.object;
      if (attributes.operation === "UPDATE")
        return isFor(attributes, "", "pods", "ephemeralcontainers")
          ? checkEphemeral(dependencies, attributes, attributes.object as AnyObject & Pod) // so the resource says
          : attributes.object;
      if (!isFor(attributes, "", "pods")) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) {
        checkMirrorPod(attributes, pod);
        return pod;
      }
      const name = pod.spec.serviceAccountName || "default";
      const apply = (account: ServiceAccountObject) =>
        withServiceAccount(attributes, pod, account, dependencies.random);
      const cached = lister.get(`${attributes.namespace}/${name}`);
      return cached === undefined ? findAccount(dependencies, attributes, name).then(apply) : apply(cached);
    },
  };
}

async function checkEphemeral(
  dependencies: AdmissionDependencies,
  attributes: AdmissionAttributes,
  pod: AnyObject & Pod,
): Promise<AnyObject> {
  const { serviceAccountName: name } = pod.spec;
  if (!name)
    throw refuse(
      attributes,
      `no service account specified for pod ${attributes.namespace}/${pod.metadata.name ?? ""}`,
    );
  const account = await findAccount(dependencies, attributes, name);
  const unlisted = unlistedSecret(pod.spec, account, ["ephemeralContainers"]);
  if (unlisted !== undefined) throw refuse(attributes, unlisted);
  return pod;
}

/** The default account of a new namespace takes the controller a moment to make. */
const defaultAccountAttempts = 10;
const attemptDelayMs = 100;

async function findAccount(
  { client, clock, random }: AdmissionDependencies,
  attributes: AdmissionAttributes,
  name: string,
): Promise<ServiceAccountObject> {
  const { namespace, signal } = attributes;
  const attempts = name === "default" ? defaultAccountAttempts : 1;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await sleep(clock, attemptDelayMs * (1 + random.next()), { signal });
    const account = await getLive(client, serviceAccounts, { namespace, name });
    if (account !== undefined) return account;
  }
  throw refuse(
    attributes,
    `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`,
  );
}

function checkMirrorPod(attributes: AdmissionAttributes, pod: Pod): void {
  if (pod.spec.serviceAccountName)
    throw refuse(attributes, "a mirror pod may not reference service accounts");
  if (secretsOf(pod).size > 0) throw refuse(attributes, "a mirror pod may not reference secrets");
  const usesToken = (pod.spec.volumes ?? []).some((volume) =>
    volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined),
  );
  if (usesToken) throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
}

function withServiceAccount(
  attributes: AdmissionAttributes,
  pod: AnyObject & Pod,
  account: ServiceAccountObject,
  random: Random,
): AnyObject {
  const name = account.metadata.name ?? "";
  const named = { ...pod, spec: { ...pod.spec, serviceAccountName: name, serviceAccount: name } };
  const unlisted = unlistedSecret(named.spec, account, ["initContainers", "containers"]);
  if (unlisted !== undefined) throw refuse(attributes, unlisted);
  const mounted = wantsToken(named, account) ? withTokenVolume(named, random) : named;
  const { imagePullSecrets = [] } = mounted.spec;
  if (imagePullSecrets.length > 0 || (account.imagePullSecrets ?? []).length === 0) return mounted;
  return { ...mounted, spec: { ...mounted.spec, imagePullSecrets: account.imagePullSecrets ?? [] } };
}

/** The pod's word counts, then the account's; silence means yes. */
function wantsToken(pod: Pod, account: ServiceAccountObject): boolean {
  return pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

/** Mounts the token into every container that has nothing at its path yet. */
function withTokenVolume<T extends Pod>(pod: T, random: Random): T {
  const volumes = pod.spec.volumes ?? [];
  const existing = volumes.find(({ name }) => name.startsWith(tokenVolumePrefix));
  const name = existing?.name ?? freeVolumeName(volumes, random);
  const hasMount = (container: Container) =>
    (container.volumeMounts ?? []).some(({ mountPath }) => mountPath === tokenMountPath);
  const mount = { name, readOnly: true, mountPath: tokenMountPath };
  const { containers, initContainers = [] } = pod.spec;
  if ([...containers, ...initContainers].every(hasMount)) return pod;
  const withMount = (container: Container): Container =>
    hasMount(container)
      ? container
      : { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(withMount),
      ...(initContainers.length === 0 ? {} : { initContainers: initContainers.map(withMount) }),
      volumes: existing === undefined ? [...volumes, tokenVolume(name)] : volumes,
    },
  };
}

function freeVolumeName(volumes: readonly Volume[], random: Random): string {
  for (;;) {
    const name = tokenVolumePrefix + randomSuffix(random);
    if (volumes.every((volume) => volume.name !== name)) return name;
  }
}

/** Token, root certificate and namespace: what client libraries look for in a pod. */
function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: podTokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  };
}
