import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { parseApiVersion } from "../../../apimachinery/meta.ts";
import type { ProtobufCodec } from "../../../apimachinery/protobuf/codec.ts";
import type { HttpMethod, WatchEvent } from "../../../client/exchange.ts";
import { type CallOptions, ConformanceClient, type Reply } from "./client.ts";

export interface HttpsClientOptions {
  readonly port: number;
  readonly protobuf: ProtobufCodec;
  /** PEM. */
  readonly authority: string;
  /** Absent: anonymous, or whoever a header says. */
  readonly user?: { readonly certificate: string; readonly key: string };
}

const protobufType = "application/vnd.kubernetes.protobuf";
/** What the typed clients of client-go send. */
const accepted = `${protobufType},application/json`;

/** Speaks as client-go does: protobuf for the kinds that have it, JSON for the rest, over kept connections. */
export function httpsClient({ port, protobuf, authority, user }: HttpsClientOptions): ConformanceClient {
  const agent = new Agent({ keepAlive: true, ca: authority, cert: user?.certificate, key: user?.key });
  const open = (
    method: HttpMethod,
    path: string,
    { query, body, raw, headers = {} }: CallOptions,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> => {
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const content = encode(protobuf, headers["content-type"], body, raw);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host: "127.0.0.1",
          port,
          agent,
          method,
          path: `${path}${search}`,
          headers: {
            accept: accepted,
            "user-agent": "e2e.test/v1.36.0 (linux/amd64) kubernetes/$Format",
            ...(content === undefined
              ? {}
              : { "content-type": content.type, "content-length": content.bytes.length }),
            ...headers,
          },
          ...(signal === undefined ? {} : { signal }),
        },
        resolve,
      );
      outgoing.on("error", reject);
      outgoing.end(content?.bytes);
    });
  };
  return new ConformanceClient({
    transport: "HTTPS",
    async send(method, path, options = {}) {
      return readReply(protobuf, await open(method, path, options));
    },
    async openWatch(path, query, signal) {
      const incoming = await open("GET", path, { query }, signal);
      if (incoming.statusCode !== 200)
        throw new Error(`no watch: ${JSON.stringify((await readReply(protobuf, incoming)).object)}`);
      return events(protobuf, incoming, signal);
    },
    close: () => agent.destroy(),
  });
}

function encode(
  protobuf: ProtobufCodec,
  type: string | undefined,
  body: unknown,
  raw: string | undefined,
): { readonly bytes: Uint8Array; readonly type: string } | undefined {
  if (raw !== undefined) return { bytes: Buffer.from(raw), type: type ?? "application/json" };
  if (body === undefined) return undefined;
  const { apiVersion = "", kind = "" } = body as Partial<AnyObject>;
  if (type === undefined && protobuf.knows({ ...parseApiVersion(apiVersion), kind }))
    return { bytes: protobuf.encode(body as object), type: protobufType };
  return { bytes: Buffer.from(JSON.stringify(body)), type: type ?? "application/json" };
}

async function readReply(protobuf: ProtobufCodec, incoming: IncomingMessage): Promise<Reply> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const type = incoming.headers["content-type"] ?? "";
  const headers = {
    ...(incoming.headers as Record<string, string>), // the lists among them are not read
    ...(incoming.headersDistinct.warning === undefined ? {} : { warning: incoming.headersDistinct.warning }),
  };
  const object = type.startsWith(protobufType)
    ? decode(protobuf, bytes)
    : type.startsWith("application/json")
      ? JSON.parse(bytes.toString())
      : undefined;
  return { status: incoming.statusCode ?? 0, headers, object, text: bytes.toString() };
}

/** An empty list has no field in protobuf. */
function decode(protobuf: ProtobufCodec, bytes: Uint8Array): Record<string, unknown> {
  const object = protobuf.decode(bytes);
  return String(object.kind).endsWith("List") ? { items: [], ...object } : object;
}

async function* events(
  protobuf: ProtobufCodec,
  incoming: IncomingMessage,
  signal: AbortSignal,
): AsyncGenerator<readonly WatchEvent<AnyObject>[]> {
  const binary = incoming.headers["content-type"] === `${protobufType};stream=watch`;
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of incoming) {
      rest = Buffer.concat([rest, chunk]);
      const [found, end] = binary ? frames(protobuf, rest) : lines(rest);
      rest = rest.subarray(end);
      if (found.length > 0) yield found;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

type Parsed = readonly [found: WatchEvent<AnyObject>[], end: number];

function lines(bytes: Buffer): Parsed {
  const end = bytes.lastIndexOf(10) + 1;
  const text = bytes.subarray(0, end).toString();
  return [
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line)),
    end,
  ];
}

/** Four bytes of length, then a WatchEvent: its type is field 1, field 2 holds the object's envelope in its field 1. */
function frames(protobuf: ProtobufCodec, bytes: Buffer): Parsed {
  const found: WatchEvent<AnyObject>[] = [];
  let at = 0;
  while (bytes.length >= at + 4 && bytes.length >= at + 4 + bytes.readUInt32BE(at)) {
    const length = bytes.readUInt32BE(at);
    const message = fields(bytes.subarray(at + 4, at + 4 + length));
    const envelope = fields(message.get(2) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0);
    found.push({
      type: (message.get(1) ?? "").toString() as WatchEvent["type"],
      object: protobuf.decode(envelope) as unknown as AnyObject,
    });
    at += 4 + length;
  }
  return [found, at];
}

/** A message of length-delimited fields only. */
function fields(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const number = varint() >>> 3;
    const length = varint();
    found.set(number, bytes.subarray(at, at + length));
    at += length;
  }
  return found;
}
