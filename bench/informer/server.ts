/**
 * A server of pods for informers to follow: nothing but the list and watch protocol, its answers prepared beforehand in JSON
 * and in protobuf, so that what is measured is the client. Told by messages what to do; see `Order`.
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
const batch = 50;

/** Pods as they were encoded, and where in the bytes stand their versions and what else an update changes, in the status. */
interface Prepared {
  readonly encoding: Encoding;
  readonly pods: readonly {
    readonly bytes: Buffer;
    readonly versionAt: number;
    readonly containerIdAt: number;
  }[];
}

function prepare(encoding: Encoding, first: number): Prepared {
  const pods = Array.from({ length: count }, (_, index) => {
    const bytes = encoding.encode(podOf(index, first + index));
    const containerIdAt = bytes.indexOf("containerd://") + "containerd://".length;
    return { bytes, versionAt: bytes.indexOf(String(first + index)), containerIdAt };
  });
  return { encoding, pods };
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
  const { encoding, pods } = prepared;
  if (searchParams.get("watch") !== "true") {
    response.writeHead(200, { "content-type": encoding.contentType });
    const limit = Number(searchParams.get("limit") ?? count);
    const from = Number(searchParams.get("continue") ?? 0);
    const more = from + limit < count ? { continue: String(from + limit) } : {};
    const items = pods.slice(from, from + limit).map(({ bytes }) => bytes);
    const pieces = encoding.list({ resourceVersion: String(version), ...more }, items);
    for (const piece of inBatches(pieces)) await write(response, piece);
    response.end();
    return;
  }
  response.writeHead(200, { "content-type": encoding.watchContentType });
  if (searchParams.get("sendInitialEvents") === "true") {
    for (let from = 0; from < count; from += batch) {
      const some = pods.slice(from, from + batch);
      await write(response, Buffer.concat(some.flatMap(({ bytes }) => encoding.event("ADDED", bytes))));
    }
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
    if (waiting.length < 2 * batch) continue;
    yield Buffer.concat(waiting);
    waiting = [];
  }
  yield Buffer.concat(waiting);
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case "blast":
      for (let sent = 0; sent < order.updates; sent += batch) await update(sent, batch);
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

/** A new version of each of so many pods. */
async function update(from: number, updates: number): Promise<void> {
  const first = version + 1;
  version += updates;
  await Promise.all(
    [...watches].map(([watch, { encoding, pods }]) => {
      const pieces: Uint8Array[] = [];
      for (let index = 0; index < updates; index++) {
        const pod = pods[(from + index) % count];
        if (pod === undefined) continue;
        pod.bytes.write(String(first + index), pod.versionAt, "latin1");
        pod.bytes.write(String(first + index), pod.containerIdAt, "latin1");
        pieces.push(...encoding.event("MODIFIED", pod.bytes));
      }
      return write(watch, Buffer.concat(pieces));
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
