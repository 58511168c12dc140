import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import type { CallOptions, Client, DeleteOptions, UpdateOptions, WriteOptions } from "../client.ts";
import type { CompletedWrite } from "../expectations.ts";

export interface RecordingClientOptions {
  readonly client: Client;
  /** For calls that have no signal of their own. */
  readonly signal: AbortSignal;
  /** Throws where this process may not write any more. */
  readonly mayWrite: () => void;
  readonly completed: (write: CompletedWrite) => void;
}

/** A client for one reconcile: it notes what was written, so that the key can wait until the caches have seen it. */
export function recordingClient({ client, signal, mayWrite, completed }: RecordingClientOptions): Client {
  const bounded = <O extends CallOptions>(options: O | undefined): O => ({ signal, ...options }) as O; // with a signal, O is still O

  async function write<T extends KubeObject>(
    type: ResourceType<T>,
    send: (type: ResourceType<T>) => Promise<T>,
    options: UpdateOptions = {},
  ): Promise<T> {
    mayWrite();
    const object = await send(type);
    // Other subresources answer with objects of other kinds.
    const isObject = options.subresource === undefined || options.subresource === "status";
    if (isObject && options.dryRun !== true) completed({ change: "written", type, object });
    return object;
  }

  return {
    get: (type, name, options) => client.get(type, name, bounded(options)),
    list: (type, options) => client.list(type, bounded(options)),
    watch: (type, options) => client.watch(type, bounded(options)),
    raw: (path, options) => client.raw(path, bounded(options)),
    stream: (path, options) => client.stream(path, bounded(options)),
    create: (type, object, options?: WriteOptions) =>
      write(type, () => client.create(type, object, bounded(options)), options),
    update: (type, object, options) =>
      write(type, () => client.update(type, object, bounded(options)), options),
    patch: (type, name, patch, options) =>
      write(type, () => client.patch(type, name, patch, bounded(options)), options),
    async delete(type, name, options?: DeleteOptions) {
      mayWrite();
      const answer = await client.delete(type, name, bounded(options));
      if (options?.dryRun !== true)
        completed({ change: "deleted", type, object: deletedObject(type, name, answer) });
      return answer;
    },
    async deleteCollection(type, selection, options) {
      mayWrite();
      await client.deleteCollection(type, selection, bounded(options));
    },
    async createSubresource(type, name, subresource, body, options) {
      mayWrite();
      return client.createSubresource(type, name, subresource, body, bounded(options));
    },
  };
}

/** Which object a deletion was of: the server answers with it, or with a Status that tells its uid. */
function deletedObject(
  { kind }: ResourceType<KubeObject>,
  name: { readonly namespace?: string; readonly name: string },
  answer: object,
): KubeObject {
  if ("metadata" in answer && "kind" in answer && answer.kind !== "Status") return answer as KubeObject; // by its kind
  const details = "details" in answer ? (answer.details as { readonly uid?: string } | undefined) : undefined; // a Status
  const uid = details?.uid;
  return { apiVersion: "", kind, metadata: { ...name, ...(uid === undefined ? {} : { uid }) } };
}
