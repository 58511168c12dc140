import type { Scale } from "../api/autoscaling/types.v1.generated.ts";
import { pods } from "../api/resources.generated.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { CallOptions, Client, DeleteOptions, ObjectName, WriteOptions } from "./client.ts";
import { objectPath } from "./request-path.ts";

/** Which lines of a container's log (`v1.PodLogOptions`). */
export interface PodLogOptions extends CallOptions {
  /** Absent: the only one, or the one that the pod names as its default. */
  readonly container?: string;
  /** Goes on with what is written from now on, until the container ends, the loop is left or the signal aborts. */
  readonly follow?: boolean;
  /** Of the container's run before this one. */
  readonly previous?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339, with each line. */
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
}

const logOptionNames: OptionNames<PodLogOptions> = {
  container: true,
  follow: true,
  previous: true,
  tailLines: true,
  sinceSeconds: true,
  timestamps: true,
  limitBytes: true,
  signal: true,
};

/** A container's log, line by line, without the line breaks. */
export async function* podLogs(
  client: Pick<Client, "stream">,
  pod: ObjectName,
  options: PodLogOptions = {},
): AsyncGenerator<string> {
  checkNames("podLogs", options, logOptionNames);
  const { signal, ...selection } = options;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(selection))
    if (value !== undefined) query.set(name, String(value));
  const call = { query, ...(signal === undefined ? {} : { signal }) };
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of await client.stream(objectPath(pods, pod, "log"), call)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/**
 * Asks for a pod to go, as a drain does. Where a disruption budget does not allow it now, the request is repeated as long as the
 * server says when to come again (ten times at most), then rejects with an ApiError of reason TooManyRequests.
 */
export async function evict(
  client: Pick<Client, "createSubresource">,
  { namespace, name }: ObjectName,
  { signal, dryRun, ...deleteOptions }: DeleteOptions = {},
): Promise<void> {
  const metadata = namespace === undefined ? { name } : { namespace, name };
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata, deleteOptions };
  await client.createSubresource(pods, metadata, "eviction", eviction, {
    ...(signal === undefined ? {} : { signal }),
    ...(dryRun === undefined ? {} : { dryRun }),
  });
}

/** Sets how many replicas a Deployment, a StatefulSet or any kind with a scale subresource is to have. */
export async function scale(
  client: Pick<Client, "patch">,
  type: ResourceType<KubeObject>,
  name: ObjectName,
  replicas: number,
  options: WriteOptions = {},
): Promise<Scale> {
  const patch = { type: "merge", patch: { spec: { replicas } } } as const;
  const answer = await client.patch(type, name, patch, { ...options, subresource: "scale" });
  return answer as KubeObject & Scale; // what this subresource answers with, whatever the kind
}
