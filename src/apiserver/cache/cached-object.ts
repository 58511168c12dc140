import type { AnyObject } from "../../apimachinery/meta.ts";
import type { WrittenJson } from "../../storage/written-json.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { KeptBytes } from "./kept-bytes.ts";

type FrameType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

/**
 * One state of one object, as it is served: immutable, with its resourceVersion, and with its JSON made at most once
 * while the byte budget lets it stay. The JSON lies inside the watch frame of the event that brought this state, so that a
 * GET, a list and a thousand watchers send the same bytes.
 */
export class CachedObject {
  /** Where it lies in storage. */
  readonly key: string;
  readonly revision: number;
  readonly object: AnyObject;
  readonly budget: ByteBudget;
  /** What read it from its stored form; absent: it was stored as it is. */
  readonly reader: unknown;
  readonly #frameType: FrameType;
  #frame: KeptBytes | undefined;
  /** The JSON as it went to storage, for a moment; what readers get is made from it. */
  #written: KeptBytes | undefined;
  #metadataEnd = 0;
  #message: KeptBytes | undefined;
  /** Of the message in protobuf, remembered when the message is not; 0: not known. */
  #messageLength = 0;

  /** `object` must never change afterwards and carries `revision` as its resourceVersion. */
  constructor(
    key: string,
    revision: number,
    object: AnyObject,
    encoding: {
      readonly frameType: FrameType;
      readonly budget: ByteBudget;
      readonly reader?: unknown;
      /** The same object without its resourceVersion. */
      readonly written?: WrittenJson | undefined;
    },
  ) {
    this.key = key;
    this.revision = revision;
    this.object = object;
    this.#frameType = encoding.frameType;
    this.budget = encoding.budget;
    this.reader = encoding.reader;
    const { written } = encoding;
    if (written !== undefined && written.metadataEnd > 0) {
      this.#written = new KeptBytes(written.bytes, encoding.budget.brief);
      this.#metadataEnd = written.metadataEnd;
    }
    Object.defineProperty(object, cachedSymbol, { value: this, enumerable: false });
  }

  /** UTF-8 JSON of the object, as GET serves it. */
  bytes(): Uint8Array {
    const frame = this.#encoded();
    return frame.subarray(frameStarts[this.#frameType].length, frame.length - frameEnd.length);
  }

  /** The line a watch sends. */
  frame(type: FrameType): Uint8Array {
    if (type === this.#frameType) return this.#encoded();
    return joined([frameStarts[type], this.bytes(), frameEnd]);
  }

  /**
   * The object's JSON for a list, as text where it is not kept: a list of everything must not push out what is used again
   * and again, so it keeps what it made only while there is plenty of room.
   */
  listed(): Uint8Array | string {
    if (this.#frame?.get() !== undefined || this.#written?.get() !== undefined) return this.bytes();
    const json = JSON.stringify(this.object);
    if (!this.budget.hasRoomFor(json.length)) return json;
    this.#encode(json);
    return this.bytes();
  }

  /** The object's protobuf message, without the envelope that names its kind. */
  message(encoder: MessageEncoder): Uint8Array {
    const kept = this.#message?.get();
    if (kept !== undefined) return kept;
    const message = encoder.encodeMessage(this.object);
    this.#messageLength = message.length;
    this.#message = new KeptBytes(message, this.budget);
    return message;
  }

  /**
   * As `message`, for a list: kept only while there is plenty of room. Otherwise it passes by: to be copied before anything else is
   * encoded.
   */
  listedMessage(encoder: MessageEncoder): Uint8Array {
    const kept = this.keptMessage(encoder);
    if (kept !== undefined) return kept;
    const message = encoder.passingMessage(this.object);
    this.#messageLength = message.length;
    return message;
  }

  /** The message where it is kept, or is from now on because there is plenty of room. */
  keptMessage(encoder: MessageEncoder): Uint8Array | undefined {
    const kept = this.#message?.get();
    if (kept !== undefined || !this.budget.hasRoomFor(this.#messageLength)) return kept;
    return this.message(encoder);
  }

  /** How long `message` is: a list must say how long it will be before it begins. */
  messageLength(encoder: MessageEncoder): number {
    if (this.#messageLength === 0) this.listedMessage(encoder);
    return this.#messageLength;
  }

  #encoded(): Uint8Array {
    const kept = this.#frame?.get();
    if (kept !== undefined) return kept;
    const written = this.#written?.get();
    this.#written = undefined;
    return written === undefined
      ? this.#encode(JSON.stringify(this.object))
      : this.#keep(this.#versioned(written));
  }

  #encode(json: string): Uint8Array {
    return this.#keep(encoder.encode(`{"type":"${this.#frameType}","object":${json}}\n`));
  }

  /** The frame around what was written, with the version it was written as. */
  #versioned(written: Uint8Array): Uint8Array {
    const before = written.subarray(0, this.#metadataEnd);
    const after = written.subarray(this.#metadataEnd);
    const version = encoder.encode(`,"resourceVersion":"${this.revision}"`);
    return joined([frameStarts[this.#frameType], before, version, after, frameEnd]);
  }

  #keep(frame: Uint8Array): Uint8Array {
    this.#frame = new KeptBytes(frame, this.budget);
    return frame;
  }
}

/** What of the protobuf codec is needed here. */
export interface MessageEncoder {
  encodeMessage(object: object): Uint8Array;
  /** Valid until the next call. */
  passingMessage(object: object): Uint8Array;
}

const encoder = new TextEncoder();

const frameStarts: Readonly<Record<FrameType, Uint8Array>> = {
  ADDED: frameStart("ADDED"),
  MODIFIED: frameStart("MODIFIED"),
  DELETED: frameStart("DELETED"),
  BOOKMARK: frameStart("BOOKMARK"),
};
const frameEnd = encoder.encode("}\n");

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function frameStart(type: FrameType): Uint8Array {
  return encoder.encode(`{"type":"${type}","object":`);
}

/** A copy that carries the revision as its resourceVersion and shares all else. */
export function withRevision(object: AnyObject, revision: number): AnyObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

// Not enumerable: spreading, comparing and JSON do not see it, so a changed copy does not inherit old bytes.
const cachedSymbol = Symbol("cached");

/** The cache's record of an object it handed out; undefined for any other object, copies included. */
export function cachedOf(object: object): CachedObject | undefined {
  return (object as { [cachedSymbol]?: CachedObject })[cachedSymbol];
}

/** UTF-8 JSON of any object, shared where the object came from a cache. */
export function bytesOf(object: object): Uint8Array {
  return cachedOf(object)?.bytes() ?? encoder.encode(JSON.stringify(object));
}
