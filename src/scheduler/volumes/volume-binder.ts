import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import { compareQuantity } from "../../apimachinery/quantity.ts";
import { type Clock, sleep } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";
import { type Rejection, unresolvable } from "../framework/status.ts";
import { AssumedObjects } from "./assumed-objects.ts";
import { canProvision, findVolume, hasCapacity, isVolumeReachable, requestedSize } from "./matching.ts";
import { claimClass, isClaimBound, type PodClaims, podClaims } from "./pod-claims.ts";
import type { VolumeListers } from "./volume-listers.ts";

const selectedNode = "volume.kubernetes.io/selected-node";
const boundByController = "pv.kubernetes.io/bound-by-controller";

const notReachable = unresolvable("node(s) had volume node affinity conflict");
const volumeMissing = unresolvable(
  "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
);
const noVolume = unresolvable("node(s) didn't find available persistent volumes to bind");
const noCapacity = unresolvable("node(s) did not have enough free storage");

/** What a pod's claims need on one node. */
export interface VolumePlan {
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

export interface BinderDependencies {
  readonly client: Pick<Client, "update" | "patch">;
  readonly clock: Clock;
  readonly listers: VolumeListers;
}

const pollMs = 1000;
const bindTimeoutMs = 600_000;

/** Finds volumes for the claims of pods, node by node, and has them bound before the pod is (upstream's volume binder). */
export class VolumeBinder {
  readonly #dependencies: BinderDependencies;
  readonly #volumes: AssumedObjects<PersistentVolume>;
  readonly #claims: AssumedObjects<PersistentVolumeClaim>;
  /** By pod UID: what was decided and is not bound yet. */
  readonly #plans = new Map<string, VolumePlan>();

  constructor(dependencies: BinderDependencies) {
    this.#dependencies = dependencies;
    const { persistentVolumes, persistentVolumeClaims } = dependencies.listers;
    this.#volumes = new AssumedObjects((name) => persistentVolumes.get(name));
    this.#claims = new AssumedObjects((key) => persistentVolumeClaims.get(key));
  }

  claimsOf(pod: Pod): PodClaims | Rejection {
    const { storageClasses } = this.#dependencies.listers;
    return podClaims(
      pod,
      (key) => this.#claims.get(key),
      (name) => storageClasses.get(name),
    );
  }

  /** What has to be done on this node, or why it does not do. */
  plan({ bound, delayed }: PodClaims, node: Node): VolumePlan | Rejection {
    for (const claim of bound) {
      const volume = this.#volumes.get(claim.spec?.volumeName ?? "");
      if (volume === undefined) return volumeMissing;
      if (!isVolumeReachable(volume, node)) return notReachable;
    }
    const { listers } = this.#dependencies;
    const volumes =
      delayed.length === 0 ? [] : listers.persistentVolumes.list().map((volume) => this.#volumes.of(volume));
    const taken = new Set<string>();
    const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
    const provisions: PersistentVolumeClaim[] = [];
    for (const claim of delayed.toSorted(bySize)) {
      // Somebody is making a volume for it on the node that was selected before.
      const selected = claim.metadata.annotations?.[selectedNode];
      if (selected !== undefined && selected !== node.metadata.name) return noVolume;
      const volume = selected === undefined ? findVolume(claim, node, volumes, taken) : undefined;
      if (volume !== undefined) {
        taken.add(volume.metadata.name ?? "");
        bindings.push({ claim, volume });
        continue;
      }
      const objection = this.#objectionToProvision(claim, node);
      if (objection !== undefined) return objection;
      provisions.push(claim);
    }
    return { bindings, provisions };
  }

  /** Counts the plan as done for whoever comes next. */
  assume(pod: Pod, plan: VolumePlan, nodeName: string): void {
    const bindings = plan.bindings.map(({ claim, volume }) => ({ claim, volume: promised(volume, claim) }));
    const provisions = plan.provisions.map((claim) => withAnnotation(claim, selectedNode, nodeName));
    for (const { volume } of bindings) this.#volumes.assume(volume);
    for (const claim of provisions) this.#claims.assume(claim);
    this.#plans.set(pod.metadata.uid ?? "", { bindings, provisions });
  }

  /** Takes back what was assumed for a pod that will not be bound after all. */
  restore(uid: string): void {
    const plan = this.#plans.get(uid);
    if (plan === undefined) return;
    this.#plans.delete(uid);
    for (const { volume } of plan.bindings) this.#volumes.restore(objectKey(volume));
    for (const claim of plan.provisions) this.#claims.restore(objectKey(claim));
  }

  /** Whether volumes have to be bound or made before the pod can be bound. */
  hasPlan(uid: string): boolean {
    const plan = this.#plans.get(uid);
    return plan !== undefined && plan.bindings.length + plan.provisions.length > 0;
  }

  /** Writes the plan of a pod and waits until every claim is bound. Rejects where that fails or takes too long. */
  async bind(uid: string, nodeName: string, signal: AbortSignal): Promise<void> {
    const plan = this.#plans.get(uid);
    if (plan === undefined) return;
    if (!this.hasPlan(uid)) {
      this.#plans.delete(uid);
      return;
    }
    const { client, clock } = this.#dependencies;
    for (const { volume } of plan.bindings) await client.update(persistentVolumes, volume, { signal });
    for (const { metadata } of plan.provisions) {
      const { namespace = "", name = "" } = metadata;
      const patch = { metadata: { annotations: { [selectedNode]: nodeName } } };
      await client.patch(persistentVolumeClaims, { namespace, name }, { type: "merge", patch }, { signal });
    }
    const keys = [...plan.bindings.map(({ claim }) => claim), ...plan.provisions].map(objectKey);
    const deadlineMs = clock.now() + bindTimeoutMs;
    // The provisioner takes the annotation away where it cannot serve the node.
    let seen = false;
    for (;;) {
      const claims = keys.map((key) => this.#dependencies.listers.persistentVolumeClaims.get(key));
      if (claims.some((claim) => claim === undefined)) throw new Error("a claim of the pod was deleted");
      if (claims.every((claim) => claim !== undefined && isClaimBound(claim))) break;
      const provisioning = plan.provisions.map((claim) => this.#liveClaim(claim));
      const allSelected = provisioning.every(
        (claim) =>
          claim === undefined ||
          isClaimBound(claim) ||
          claim.metadata.annotations?.[selectedNode] === nodeName,
      );
      if (allSelected) seen = true;
      else if (seen)
        throw new Error("provisioning failed for a claim of the pod: another node has to be found");
      if (clock.now() >= deadlineMs) throw new Error("timed out waiting for the volumes of the pod");
      await sleep(clock, pollMs, { signal });
    }
    this.#plans.delete(uid);
  }

  #liveClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    return this.#dependencies.listers.persistentVolumeClaims.get(objectKey(claim));
  }

  #objectionToProvision(claim: PersistentVolumeClaim, node: Node): Rejection | undefined {
    const { storageClasses, csiDrivers, csiStorageCapacities } = this.#dependencies.listers;
    const className = claimClass(claim);
    const storageClass = storageClasses.get(className);
    if (storageClass === undefined || !canProvision(storageClass, node)) return noVolume;
    if (csiDrivers.get(storageClass.provisioner)?.spec.storageCapacity !== true) return undefined;
    const enough = hasCapacity(requestedSize(claim), className, node, csiStorageCapacities.list());
    return enough ? undefined : noCapacity;
  }
}

function bySize(left: PersistentVolumeClaim, right: PersistentVolumeClaim): number {
  return compareQuantity(requestedSize(left), requestedSize(right));
}

/** The volume with the claim it is to be bound to. */
function promised(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const claimRef = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const bound = { ...volume, spec: { ...volume.spec, claimRef } };
  // A claim that was named by the volume's owner stays when the claim goes.
  return volume.spec.claimRef === undefined ? withAnnotation(bound, boundByController, "yes") : bound;
}

function withAnnotation<T extends PersistentVolume | PersistentVolumeClaim>(
  object: T,
  key: string,
  value: string,
): T {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [key]: value } } };
}
