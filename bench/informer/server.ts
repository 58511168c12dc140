/**
 * A server of pods for informers to follow: nothing but the list and watch protocol, its answers prepared beforehand in JSON
 * and in protobuf, so that what is measured is the client: a flood's events lie there as they go over the wire, and only
 * what an update changes is written into them. Told by messages what to do; see `Order`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Encoding, json, protobuf } from "./encodings.ts";
import { podOf } from "./pod.ts";

export type Order =
  /** As many updates as the connection takes. */
  | { readonly do: "blast"; readonly updates: number }
  /** Updates at a steady rate, each with the time it was sent. */
  | { readonly do: "pace"; readonly updates: number; readonly perSecond: number }
  /** All connections are cut. */
  | { readonly do: "cut" }
  /** Connections stay, and bring nothing any more; new ones work. */
  | { readonly do: "silence" }
  /** One update, marked so that it is recognised. */
  | { readonly do: "mark"; readonly mark: string };

const count = Number(process.argv[2]);
/** All versions have as many digits, so that one can be written over another. */
let version = 1_000_000_000;
/** Events that are written at once. */
const batch = 250;

/** Pods as they were encoded, within the events that tell of their changes. */
interface Prepared {
  readonly encoding: Encoding;
  readonly batches: readonly PreparedBatch[];
}

interface PreparedBatch {
  readonly events: Buffer;
  readonly pods: readonly Buffer[];
  /** Of each pod, where in the events stand its version and what else an update changes, in its status. */
  readonly changes: readonly { readonly versionAt: number; readonly containerIdAt: number }[];
}

function prepare(encoding: Encoding, first: number): Prepared {
  const batches: PreparedBatch[] = [];
  for (let from = 0; from < count; from += batch) {
    const encoded = Array.from({ length: Math.min(batch, count - from) }, (_, index) =>
      encoding.encode(podOf(from + index, first + from + index)),
    );
    batches.push(prepareBatch(encoding, encoded, first + from));
  }
  return { encoding, batches };
}

function prepareBatch(encoding: Encoding, encoded: readonly Buffer[], first: number): PreparedBatch {
  const pieces = encoded.map((pod) => encoding.event("MODIFIED", pod));
  const events = Buffer.concat(pieces.flat());
  const pods: Buffer[] = [];
  let at = 0;
  for (const [start, pod, end] of pieces) {
    at += start?.length ?? 0;
    pods.push(events.subarray(at, at + (pod?.length ?? 0)));
    at += (pod?.length ?? 0) + (end?.length ?? 0);
  }
  const changes = pods.map((pod, index) => {
    const place = (text: string) => pod.byteOffset - events.byteOffset + pod.indexOf(text);
    return {
      versionAt: place(String(first + index)),
      containerIdAt: place("containerd://") + "containerd://".length,
    };
  });
  return { events, pods, changes };
}

const inJson = prepare(json, version);
const inProtobuf = prepare(protobuf, version);
version += count;
const log: { readonly version: number; readonly pod: object }[] = [];
const watches = new Map<ServerResponse, Prepared>();

const server = createServer((request, response) => void answer(request, response));
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit());
setInterval(() => {
  for (const [watch, { encoding }] of watches) watch.write(bookmark(encoding));
}, 1000);

async function answer({ url = "", headers }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { searchParams } = new URL(url, "http://server");
  const prepared = headers.accept?.includes(protobuf.contentType) === true ? inProtobuf : inJson;
  const { encoding } = prepared;
  if (searchParams.get("watch") !== "true") {
    response.writeHead(200, { "content-type": encoding.contentType });
    const limit = Number(searchParams.get("limit") ?? count);
    const from = Number(searchParams.get("continue") ?? 0);
    const more = from + limit < count ? { continue: String(from + limit) } : {};
    const items = prepared.batches.flatMap(({ pods }) => pods).slice(from, from + limit);
    const pieces = encoding.list({ resourceVersion: String(version), ...more }, items);
    for (const piece of inBatches(pieces)) await write(response, piece);
    response.end();
    return;
  }
  response.writeHead(200, { "content-type": encoding.watchContentType });
  if (searchParams.get("sendInitialEvents") === "true") {
    for (const { pods } of prepared.batches)
      await write(response, Buffer.concat(pods.flatMap((pod) => encoding.event("ADDED", pod))));
    response.write(bookmark(encoding, { "k8s.io/initial-events-end": "true" }));
  } else {
    const since = Number(searchParams.get("resourceVersion") ?? 0);
    for (const { pod } of log.filter((entry) => entry.version > since)) response.write(marked(encoding, pod));
    response.flushHeaders();
  }
  watches.set(response, prepared);
  response.once("close", () => watches.delete(response));
}

function* inBatches(pieces: Iterable<Uint8Array>): Generator<Buffer> {
  let waiting: Uint8Array[] = [];
  for (const piece of pieces) {
    waiting.push(piece);
    if (waiting.length < batch) continue;
    yield Buffer.concat(waiting);
    waiting = [];
  }
  yield Buffer.concat(waiting);
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case "blast":
      for (let sent = 0; sent < order.updates; sent += batch) await update(sent);
      break;
    case "pace":
      await pace(order);
      break;
    case "cut":
      server.closeAllConnections();
      break;
    case "silence":
      watches.clear();
      break;
    case "mark":
      await mark(0, order.mark);
  }
  process.send?.("done");
}

async function pace({ updates, perSecond }: { updates: number; perSecond: number }): Promise<void> {
  const startMs = performance.now();
  for (let sent = 0; sent < updates; ) {
    const due = Math.min(updates, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
    for (; sent < due; sent++) await mark(sent, `at ${performance.timeOrigin + performance.now()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A new version of each pod of a batch: the one that begins with this pod, counted on over all of them. */
async function update(from: number): Promise<void> {
  const first = version + 1;
  version += batch;
  await Promise.all(
    [...watches].map(([watch, { batches }]) => {
      const prepared = batches[(from / batch) % batches.length];
      if (prepared === undefined) throw new Error("there are no pods");
      const { events, changes } = prepared;
      for (const [index, { versionAt, containerIdAt }] of changes.entries()) {
        events.write(String(first + index), versionAt, "latin1");
        events.write(String(first + index), containerIdAt, "latin1");
      }
      return write(watch, events);
    }),
  );
}

async function mark(index: number, text: string): Promise<void> {
  version++;
  const pod = podOf(index % count, version, text);
  // What a watch that comes back is brought; the flood before is of no use to it.
  log.push({ version, pod });
  await Promise.all([...watches].map(([watch, { encoding }]) => write(watch, marked(encoding, pod))));
}

const marked = (encoding: Encoding, pod: object) =>
  Buffer.concat(encoding.event("MODIFIED", encoding.encode(pod)));

function write(response: ServerResponse, bytes: Uint8Array): Promise<void> | void {
  if (response.write(bytes) || response.destroyed) return;
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}

function bookmark(encoding: Encoding, annotations: Readonly<Record<string, string>> = {}): Buffer {
  const metadata = { resourceVersion: String(version), annotations };
  return Buffer.concat(
    encoding.event("BOOKMARK", encoding.encode({ apiVersion: "v1", kind: "Pod", metadata })),
  );
}
