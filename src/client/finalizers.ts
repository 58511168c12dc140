import { isApiError } from "../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { type CallOptions, type Client, nameOf } from "./client.ts";

type FinalizerClient = Pick<Client, "get" | "patch">;

/** How often a list that others change meanwhile is read again. */
const tries = 5;

/** Whether the object's deletion waits for this finalizer. */
export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) === true;
}

/**
 * Makes the object's deletion wait for `finalizer`; resolves with the object as it is then. The write names the object's
 * uid and the list it was made from, so that it neither undoes another's change nor meets a conflict with writes elsewhere
 * in the object. Rejects with ApiError: NotFound where the object is gone, Forbidden where it is being deleted.
 */
export async function addFinalizer<T extends KubeObject>(
  client: FinalizerClient,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  options: CallOptions = {},
): Promise<T> {
  return changeFinalizers(client, type, object, options, (finalizers) =>
    finalizers.includes(finalizer) ? finalizers : [...finalizers, finalizer],
  );
}

/**
 * Lets the object's deletion go on; resolves with the object, or with undefined where it is gone (the last finalizer of a
 * deleted object takes it away, and another may have replaced it meanwhile).
 */
export async function removeFinalizer<T extends KubeObject>(
  client: FinalizerClient,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
  options: CallOptions = {},
): Promise<T | undefined> {
  try {
    return await changeFinalizers(client, type, object, options, (finalizers) =>
      finalizers.includes(finalizer) ? finalizers.filter((other) => other !== finalizer) : finalizers,
    );
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

async function changeFinalizers<T extends KubeObject>(
  client: FinalizerClient,
  type: ResourceType<T>,
  object: T,
  options: CallOptions,
  change: (finalizers: readonly string[]) => readonly string[],
): Promise<T> {
  let current = object;
  for (let attempt = 1; ; attempt++) {
    const finalizers = current.metadata.finalizers ?? [];
    const changed = change(finalizers);
    if (changed === finalizers) return current;
    try {
      const patch = { type: "json", operations: operations(current, changed) } as const;
      return await client.patch(type, nameOf(current), patch, options);
    } catch (error) {
      // A test of the patch failed, or there is no such list any more: someone else was quicker.
      if (!isApiError(error, "Invalid") || attempt === tries) throw error;
      const live = await client.get(type, nameOf(current), options);
      if (live.metadata.uid !== object.metadata.uid || sameList(live, current)) throw error;
      current = live;
    }
  }
}

function operations({ metadata }: KubeObject, changed: readonly string[]): readonly object[] {
  const path = "/metadata/finalizers";
  const { uid, finalizers, resourceVersion } = metadata;
  const sameObject = uid === undefined ? [] : [{ op: "test", path: "/metadata/uid", value: uid }];
  // That a list is absent cannot be tested: there the whole object must be unchanged.
  const sameFinalizers =
    finalizers === undefined || finalizers.length === 0
      ? { op: "test", path: "/metadata/resourceVersion", value: resourceVersion }
      : { op: "test", path, value: finalizers };
  const write = changed.length === 0 ? { op: "remove", path } : { op: "add", path, value: changed };
  return [...sameObject, sameFinalizers, write];
}

function sameList(left: KubeObject, right: KubeObject): boolean {
  return (
    left.metadata.resourceVersion === right.metadata.resourceVersion &&
    left.metadata.finalizers?.join() === right.metadata.finalizers?.join()
  );
}
