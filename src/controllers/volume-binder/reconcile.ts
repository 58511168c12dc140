import type { Node, PersistentVolume, PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import { persistentVolumeClaims, persistentVolumes } from "../../api/resources.generated.ts";
import type { StorageClass } from "../../api/storage/types.generated.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ReconcileContext } from "../framework/controller.ts";
import { event, type Intent, update, updateStatus } from "../framework/intent.ts";
import { bindCompletedAnnotation, boundByControllerAnnotation, classOf, findVolume, fits } from "./match.ts";

export interface ClaimSnapshot {
  readonly claim: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
  /** The class the claim names, if there is such a class. */
  readonly storageClass: StorageClass | undefined;
  /** The node the scheduler chose for the claim's pod. */
  readonly node: Node | undefined;
}

/** Binds a claim to a volume, or says why it waits. */
export function reconcileClaim(snapshot: ClaimSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { claim, volumes } = snapshot;
  const { volumeName = "" } = claim.spec ?? {};
  const named = volumes.find(({ metadata }) => metadata.name === volumeName);
  if (claim.metadata.annotations?.[bindCompletedAnnotation] !== undefined) {
    return keepBound(claim, volumeName, named, nowMs);
  }
  if (volumeName !== "") {
    if (named === undefined) return [phase(claim, "Pending")];
    return bindNamed(claim, named, nowMs);
  }
  const isDelayed = snapshot.storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const waitsForPod = isDelayed && snapshot.node === undefined;
  const found = findVolume(claim, volumes, { node: snapshot.node, onlyPreBound: waitsForPod });
  return found === undefined ? wait(snapshot, waitsForPod) : bind(claim, found, nowMs);
}

function keepBound(
  claim: PersistentVolumeClaim,
  volumeName: string,
  volume: PersistentVolume | undefined,
  nowMs: number,
): Intent[] {
  if (volumeName === "") {
    return lose(
      claim,
      "ClaimLost",
      "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
    );
  }
  if (volume === undefined) {
    return lose(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  }
  const { claimRef } = volume.spec ?? {};
  if (claimRef === undefined || claimRef.uid === claim.metadata.uid) return bind(claim, volume, nowMs);
  return lose(
    claim,
    "ClaimMisbound",
    "Two claims are bound to the same volume, this one is bound incorrectly",
  );
}

function lose(claim: PersistentVolumeClaim, reason: string, message: string): Intent[] {
  if (claim.status?.phase === "Lost") return [];
  return [phase(claim, "Lost"), event(claim, "Warning", reason, message)];
}

function bindNamed(claim: PersistentVolumeClaim, volume: PersistentVolume, nowMs: number): Intent[] {
  const { claimRef } = volume.spec ?? {};
  const isTaken =
    claimRef !== undefined &&
    (claimRef.name !== claim.metadata.name ||
      claimRef.namespace !== claim.metadata.namespace ||
      ((claimRef.uid ?? "") !== "" && claimRef.uid !== claim.metadata.uid));
  if (isTaken) return [phase(claim, "Pending")];
  if (fits(claim, volume)) return bind(claim, volume, nowMs);
  const message = `Cannot bind to requested volume "${volume.metadata.name}": it does not offer what the claim asks for`;
  return [phase(claim, "Pending"), event(claim, "Warning", "VolumeMismatch", message)];
}

function wait({ claim, storageClass }: ClaimSnapshot, waitsForPod: boolean): Intent[] {
  const pending = phase(claim, "Pending");
  if (waitsForPod) {
    const message = "waiting for first consumer to be created before binding";
    return [pending, event(claim, "Normal", "WaitForFirstConsumer", message)];
  }
  if (classOf(claim) === "") {
    const message = "no persistent volumes available for this claim and no storage class is set";
    return [pending, event(claim, "Normal", "FailedBinding", message)];
  }
  if (storageClass === undefined) {
    const message = `storageclass.storage.k8s.io "${classOf(claim)}" not found`;
    return [pending, event(claim, "Warning", "ProvisioningFailed", message)];
  }
  const { provisioner } = storageClass;
  if (provisioner === "kubernetes.io/no-provisioner") return [pending];
  // Whoever provisions for the class looks for these.
  const annotations = {
    ...claim.metadata.annotations,
    "volume.beta.kubernetes.io/storage-provisioner": provisioner,
    "volume.kubernetes.io/storage-provisioner": provisioner,
  };
  const asked = { ...claim, metadata: { ...claim.metadata, annotations } };
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. ` +
    "If volume creation is delayed, please verify that the provisioner is running and correctly registered.";
  return [
    update(persistentVolumeClaims, claim, asked),
    pending,
    event(claim, "Normal", "ExternalProvisioning", message),
  ];
}

/** Four writes, volume first: a claim that says it is bound has a volume that says so too. */
function bind(claim: PersistentVolumeClaim, volume: PersistentVolume, nowMs: number): Intent[] {
  const reserved = reserve(volume, claim);
  const { accessModes = [], capacity = {} } = volume.spec ?? {};
  const isOurChoice = (claim.spec?.volumeName ?? "") === "";
  const annotations = {
    ...claim.metadata.annotations,
    ...(isOurChoice ? { [boundByControllerAnnotation]: "yes" } : {}),
    [bindCompletedAnnotation]: "yes",
  };
  const bound: PersistentVolumeClaim = {
    ...claim,
    metadata: { ...claim.metadata, annotations },
    spec: { ...claim.spec, volumeName: volume.metadata.name ?? "" },
  };
  return [
    update(persistentVolumes, volume, reserved),
    volumePhase(volume, "Bound", nowMs),
    update(persistentVolumeClaims, claim, bound),
    updateStatus(
      persistentVolumeClaims,
      claim,
      { ...claim.status, phase: "Bound", accessModes, capacity },
      { always: false },
    ),
  ];
}

function reserve(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const before = volume.spec?.claimRef;
  const { name = "", namespace = "", uid = "", resourceVersion } = claim.metadata;
  if (before?.uid === uid) return volume;
  const claimRef = {
    apiVersion: claim.apiVersion,
    kind: claim.kind,
    namespace,
    name,
    uid,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const annotations = {
    ...volume.metadata.annotations,
    ...(before === undefined ? { [boundByControllerAnnotation]: "yes" } : {}),
  };
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...volume.spec, claimRef } };
}

function phase(claim: PersistentVolumeClaim, name: "Pending" | "Lost"): Intent {
  return updateStatus(persistentVolumeClaims, claim, { ...claim.status, phase: name });
}

function volumePhase(volume: PersistentVolume, name: string, nowMs: number, message?: string): Intent {
  const { status } = volume;
  const changed = status?.phase === name ? {} : { lastPhaseTransitionTime: rfc3339(nowMs) };
  const said = message === undefined ? {} : { message };
  const { message: _, ...rest } = status ?? {};
  return updateStatus(
    persistentVolumes,
    volume,
    { ...rest, phase: name, ...changed, ...said },
    { always: false },
  );
}

export interface VolumeSnapshot {
  readonly volume: PersistentVolume;
  /** The claim it names, by name and UID; undefined where that is gone. */
  readonly claim: PersistentVolumeClaim | undefined;
}

/** Keeps a volume's phase, and gives it back when its claim is gone. */
export function reconcileVolume({ volume, claim }: VolumeSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { claimRef, persistentVolumeReclaimPolicy } = volume.spec ?? {};
  if (claimRef === undefined || (claimRef.uid ?? "") === "") return [volumePhase(volume, "Available", nowMs)];
  if (claim === undefined) return release(volume, persistentVolumeReclaimPolicy ?? "Retain", nowMs);
  const { volumeName = "" } = claim.spec ?? {};
  if (volumeName === volume.metadata.name) return [volumePhase(volume, "Bound", nowMs)];
  // The claim has not come so far yet; its own turn binds it.
  if (volumeName === "" || volume.metadata.annotations?.[boundByControllerAnnotation] === undefined)
    return [];
  return [update(persistentVolumes, volume, unbound(volume)), volumePhase(volume, "Available", nowMs)];
}

function unbound(volume: PersistentVolume): PersistentVolume {
  const { claimRef: _, ...spec } = volume.spec ?? {};
  const { [boundByControllerAnnotation]: __, ...annotations } = volume.metadata.annotations ?? {};
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
}

function release(volume: PersistentVolume, policy: string, nowMs: number): Intent[] {
  const { phase: before } = volume.status ?? {};
  if (before !== "Released" && before !== "Failed") return [volumePhase(volume, "Released", nowMs)];
  const provisionedBy = volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"];
  // Kept for a person to look at, or deleted by whoever made it.
  if (policy !== "Delete" || provisionedBy !== undefined || before === "Failed") return [];
  const message = `error getting deleter volume plugin for volume "${volume.metadata.name}": no deletable volume plugin matched`;
  return [
    volumePhase(volume, "Failed", nowMs, message),
    event(volume, "Warning", "VolumeFailedDelete", message),
  ];
}
