import type { KubeObject } from "../../apimachinery/meta.ts";

/** One change of an object in a cache. */
export type Change<T extends KubeObject = KubeObject> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "updated"; readonly old: T; readonly object: T }
  | { readonly type: "deleted"; readonly object: T };

/** Says whether a change wakes a controller (controller-runtime's predicate). Called for every change: cheap and pure. */
export type Predicate<T extends KubeObject = KubeObject> = (change: Change<T>) => boolean;

function updates(matters: (old: KubeObject, object: KubeObject) => boolean): Predicate {
  return (change) => change.type !== "updated" || matters(change.old, change.object);
}

/** Leaves out updates that keep metadata.generation: those of status and of metadata alone. */
export const generationChanged: Predicate = updates(
  (old, object) => old.metadata.generation !== object.metadata.generation,
);

/** Leaves out updates that keep all labels. */
export const labelsChanged: Predicate = updates(
  (old, object) => !sameRecord(old.metadata.labels, object.metadata.labels),
);

/** Leaves out updates that keep all annotations. */
export const annotationsChanged: Predicate = updates(
  (old, object) => !sameRecord(old.metadata.annotations, object.metadata.annotations),
);

/** Leaves out updates that are none: resyncs. */
export const resourceVersionChanged: Predicate = updates(
  (old, object) => old.metadata.resourceVersion !== object.metadata.resourceVersion,
);

/** Where all of them let the change through. */
export function and<T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (change) => predicates.every((predicate) => predicate(change));
}

/** Where one of them lets the change through. */
export function or<T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (change) => predicates.some((predicate) => predicate(change));
}

/** Where it does not let the change through: mind that those above let every addition and deletion through. */
export function not<T extends KubeObject>(predicate: Predicate<T>): Predicate<T> {
  return (change) => !predicate(change);
}

type Texts = Readonly<Record<string, string>> | undefined;

function sameRecord(left: Texts = {}, right: Texts = {}): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => left[name] === right[name] && Object.hasOwn(right, name))
  );
}
