import type { ManagedFieldsEntry } from "../meta.ts";
import { difference, type FieldSet, intersection, leaf } from "./field-set.ts";
import { type Manager, managerKey, readManagers, withSet, writeManagers } from "./managers.ts";
import { fieldElement } from "./path-element.ts";

/** Where a Scale has the number of replicas, and most kinds that have one. */
const scalePath = ["spec", "replicas"];
const scaleReplicas = setOfPath(scalePath);
const scaleVersion = "autoscaling/v1";

/** The managers of an object as those of its Scale: who owns the number of replicas. */
export function managersOfScale(
  entries: readonly ManagedFieldsEntry[] | undefined,
  path: readonly string[] = scalePath,
): readonly ManagedFieldsEntry[] {
  const replicas = setOfPath(path);
  const managers = new Map<string, Manager>();
  for (const [key, manager] of readManagers(entries, { trusted: true })) {
    if (intersection(manager.set, replicas) === undefined) continue;
    const { entry: _other, ...rest } = manager;
    managers.set(key, { ...rest, apiVersion: scaleVersion, set: scaleReplicas });
  }
  return writeManagers(managers);
}

/** The managers of an object after a write to its Scale, whose managers these are. `apiVersion`: the object's. */
export function managersOfScaled(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scaleEntries: readonly ManagedFieldsEntry[],
  apiVersion: string,
  path: readonly string[] = scalePath,
): readonly ManagedFieldsEntry[] {
  const replicas = setOfPath(path);
  const scale = new Map<string, Manager>();
  for (const manager of readManagers(scaleEntries, { trusted: true }).values())
    scale.set(whoOf(manager), manager);
  const managers = new Map<string, Manager>();
  for (const [key, manager] of readManagers(entries, { trusted: true })) {
    const owns = intersection(manager.set, replicas) !== undefined;
    // Whoever is not among the Scale's managers any more has lost the replicas.
    const left =
      owns && !scale.delete(whoOf(manager)) ? withSet(manager, difference(manager.set, replicas)) : manager;
    if (left.set !== undefined) managers.set(key, left);
  }
  for (const manager of scale.values()) {
    if (intersection(manager.set, scaleReplicas) === undefined) continue;
    const { entry: _other, ...rest } = manager;
    const added = { ...rest, apiVersion, set: replicas };
    managers.set(managerKey(added), added);
  }
  return writeManagers(managers);
}

/** The same manager has the version of the object here and that of the Scale there. */
function whoOf({ manager, operation, subresource }: Manager): string {
  return JSON.stringify([manager, operation, subresource]);
}

function setOfPath(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((below, name) => ({ [fieldElement(name)]: below }), leaf);
}
