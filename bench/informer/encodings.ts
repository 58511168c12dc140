import { schemas } from "../../src/api/schemas.ts";
import { createProtobufCodec } from "../../src/apimachinery/protobuf/codec.ts";
import { normalize } from "../../src/apimachinery/schema/normalize.ts";

/** How objects lie on the wire: what a list and a watch put around the bytes of one. */
export interface Encoding {
  readonly contentType: string;
  readonly watchContentType: string;
  /** An object without what stands around it. */
  encode(object: object): Buffer;
  event(type: string, object: Buffer): readonly Uint8Array[];
  list(metadata: object, items: readonly Buffer[]): Iterable<Uint8Array>;
}

export const json: Encoding = {
  contentType: "application/json",
  watchContentType: "application/json",
  encode: (object) => Buffer.from(JSON.stringify(object)),
  event: (type, object) => [jsonEventStarts[type] ?? jsonEventEnd, object, jsonEventEnd],
  *list(metadata, items) {
    const head = JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata });
    yield Buffer.from(`${head.slice(0, -1)},"items":[`);
    for (const [index, item] of items.entries()) {
      if (index > 0) yield comma;
      yield item;
    }
    yield Buffer.from("]}");
  },
};

const jsonEventStarts: Readonly<Record<string, Buffer>> = Object.fromEntries(
  ["ADDED", "MODIFIED", "BOOKMARK"].map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]),
);
const jsonEventEnd = Buffer.from("}\n");
const comma = Buffer.from(",");
const codec = createProtobufCodec(schemas);
const podModel = schemas.model("core.v1.Pod");
/** What stands around an object of some length: the server is not what is measured. */
const frames = new Map<string, { readonly start: Uint8Array; readonly end: Uint8Array }>();
const pod = { apiVersion: "v1", kind: "Pod" };

export const protobuf: Encoding = {
  contentType: "application/vnd.kubernetes.protobuf",
  watchContentType: "application/vnd.kubernetes.protobuf;stream=watch",
  encode: (object) => Buffer.from(codec.encodeMessage(normalize(podModel, object).object)),
  event(type, object) {
    const around = `${type} ${object.length}`;
    let frame = frames.get(around);
    if (frame === undefined) {
      frame = codec.encodeWatchEventAround(type, pod, object.length);
      frames.set(around, frame);
    }
    return [frame.start, object, frame.end];
  },
  *list(metadata, items) {
    const headers = items.map((item) => codec.itemHeader(item.length));
    const length = items.reduce((sum, item, index) => sum + item.length + (headers[index]?.length ?? 0), 0);
    const { start, end } = codec.encodeListAround({ kind: "PodList", apiVersion: "v1", metadata }, length);
    yield start;
    for (const [index, item] of items.entries()) {
      yield headers[index] ?? new Uint8Array();
      yield item;
    }
    yield end;
  },
};
