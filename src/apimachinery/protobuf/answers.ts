/**
 * Answers of an API server in protobuf, read as their bytes come: a list item by item, a watch frame by frame. Nothing
 * refers to the bytes afterwards, and never more than one item or frame is held.
 */
import { parseApiVersion } from "../meta.ts";
import type { Model, SchemaTables } from "../schema/tables.ts";
import { readKind } from "./decode.ts";
import { enterEnvelope, readMagic, readTypeMeta, type TypeMeta } from "./envelope.ts";
import { readKindLazily } from "./lazy-decode.ts";
import { type HeldObjects, OlderVersions } from "./older-versions.ts";
import { CutShortError, ProtobufError, Reader } from "./reader.ts";

/** The bytes that have come and are not read yet, in one piece. */
class Arrived {
  bytes: Buffer = Buffer.allocUnsafeSlow(128 * 1024);
  at = 0;
  end = 0;

  push(chunk: Uint8Array): void {
    const rest = this.end - this.at;
    const needed = rest + chunk.length;
    const room =
      needed <= this.bytes.length
        ? this.bytes
        : Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes.length));
    room.set(this.bytes.subarray(this.at, this.end));
    room.set(chunk, rest);
    this.bytes = room;
    this.at = 0;
    this.end = needed;
  }
}

export interface AnswerLimits {
  /** The longest item or frame; what is longer is a `ProtobufError`. */
  readonly maxRecordBytes: number;
}

export interface AnswerOptions extends AnswerLimits {
  /** What the objects of the answer share with: their older versions. */
  readonly held?: HeldObjects | undefined;
}

export interface WatchedEvent {
  readonly type: string;
  readonly object: Record<string, unknown>;
  /** The object's, where held ones are known. */
  readonly key?: string;
}

/** A watch's frames: four bytes of length, the event, and in it the object in its envelope. */
export class WatchAnswer {
  readonly #kinds: Kinds;
  readonly #limits: AnswerLimits;
  readonly #arrived = new Arrived();

  constructor(tables: SchemaTables, options: AnswerOptions) {
    this.#kinds = new Kinds(tables, options.held);
    this.#limits = options;
  }

  /** The events that this chunk completes. Throws `ProtobufError`. */
  push(chunk: Uint8Array): WatchedEvent[] {
    const arrived = this.#arrived;
    arrived.push(chunk);
    const events: WatchedEvent[] = [];
    while (arrived.end - arrived.at >= 4) {
      const length = arrived.bytes.readUInt32BE(arrived.at);
      if (length > this.#limits.maxRecordBytes)
        throw new ProtobufError(`a watch event is longer than ${this.#limits.maxRecordBytes} bytes`);
      const start = arrived.at + 4;
      if (start + length > arrived.end) break;
      arrived.at = start + length;
      events.push(this.#event(new Reader(arrived.bytes, start, arrived.at)));
    }
    return events;
  }

  /** The stream has ended. Throws `ProtobufError` where it ended within an event. */
  end(): void {
    if (this.#arrived.end > this.#arrived.at) throw new CutShortError();
  }

  #event(reader: Reader): WatchedEvent {
    let type = "";
    let start = reader.end;
    let end = reader.end;
    while (reader.at < reader.end) {
      const tag = reader.varint();
      if (tag === 10) type = reader.string();
      else if (tag === 18) {
        const outerEnd = reader.end;
        reader.end = reader.enter();
        while (reader.at < reader.end) {
          const inner = reader.varint();
          if (inner !== 10) reader.skip(inner % 8);
          else {
            end = reader.enter();
            start = reader.at;
            reader.at = end;
          }
        }
        reader.end = outerEnd;
      } else reader.skip(tag % 8);
    }
    reader.at = start;
    reader.end = end;
    const object = this.#kinds.read(reader);
    const key = this.#kinds.keyOf(object);
    return key === undefined ? { type, object } : { type, object, key };
  }
}

/** Looks models up; most objects are of the kind of the one before. */
class Kinds {
  readonly #tables: SchemaTables;
  readonly #versions: OlderVersions | undefined;
  #last: (TypeMeta & { readonly model: Model }) | undefined;

  constructor(tables: SchemaTables, held: HeldObjects | undefined) {
    this.#tables = tables;
    this.#versions = held === undefined ? undefined : new OlderVersions(held);
  }

  /** Of the object that was read last, where held ones are known and it began with its names. */
  keyOf(object: object): string | undefined {
    return this.#versions?.keyOf(object);
  }

  find({ apiVersion, kind }: TypeMeta): TypeMeta & { readonly model: Model } {
    const last = this.#last;
    if (last !== undefined && last.kind === kind && last.apiVersion === apiVersion) return last;
    const { group, version } = parseApiVersion(apiVersion);
    const model = this.#tables.kind(group, version, kind);
    if (model === undefined)
      throw new ProtobufError(`no kind ${kind} of version ${apiVersion} has a binary form`);
    this.#last = { apiVersion, kind, model };
    return this.#last;
  }

  /** An object in its envelope, which the reader holds until its end. */
  read(reader: Reader): Record<string, unknown> {
    const found = this.find(enterEnvelope(reader, this.#last));
    return this.readObject(reader, found.model, found);
  }

  readObject(reader: Reader, model: Model, typeMeta: TypeMeta): Record<string, unknown> {
    return readKindLazily(reader, model, typeMeta, this.#versions);
  }
}

/** Where the reading of an answer stands: before the object's message, in a list, or in an object that is no list. */
type Stage =
  | { readonly at: "envelope" }
  | { readonly at: "list"; readonly model: Model; readonly item: Model; readonly itemMeta: TypeMeta }
  | { readonly at: "object"; readonly model: Model }
  | { readonly at: "end" };

/** One object, or a list of them. */
export class ObjectAnswer {
  readonly #kinds: Kinds;
  readonly #limits: AnswerLimits;
  readonly #arrived = new Arrived();
  readonly #items: Record<string, unknown>[] = [];
  #stage: Stage = { at: "envelope" };
  #typeMeta: TypeMeta = { apiVersion: "", kind: "" };
  /** Of the message, what has not been read. */
  #left = 0;
  #head: Record<string, unknown> = {};

  constructor(tables: SchemaTables, options: AnswerOptions) {
    this.#kinds = new Kinds(tables, options.held);
    this.#limits = options;
  }

  /** Throws `ProtobufError`. */
  push(chunk: Uint8Array): void {
    const arrived = this.#arrived;
    if (this.#stage.at === "end") return;
    arrived.push(chunk);
    if (this.#stage.at === "envelope") this.#enter();
    if (this.#stage.at === "list") this.#readItems(this.#stage);
    if (this.#stage.at === "object" && arrived.end - arrived.at >= this.#left) {
      const reader = new Reader(arrived.bytes, arrived.at, arrived.at + this.#left);
      this.#head = readKind(reader, this.#stage.model, this.#typeMeta);
      this.#stage = { at: "end" };
    }
    if (this.#stage.at !== "end" && arrived.end - arrived.at > this.#limits.maxRecordBytes)
      throw new ProtobufError(`an object is longer than ${this.#limits.maxRecordBytes} bytes`);
  }

  /** The whole answer. Throws `ProtobufError` where it was cut short. */
  end(): Record<string, unknown> {
    if (this.#stage.at !== "end") throw new CutShortError();
    return this.#head;
  }

  #enter(): void {
    const reader = new Reader(this.#arrived.bytes, this.#arrived.at, this.#arrived.end);
    const envelope = unlessCutShort(() => readBeginning(reader));
    if (envelope === undefined) return;
    this.#arrived.at = reader.at;
    this.#left = envelope.length;
    const { apiVersion, kind, model } = this.#kinds.find(envelope.typeMeta);
    this.#typeMeta = { kind, apiVersion };
    const items = model.field("items")?.shape;
    if (items?.kind !== "list" || items.item.kind !== "model") {
      this.#stage = { at: "object", model };
      return;
    }
    const item = items.item.model;
    this.#head = { kind, apiVersion, metadata: {}, items: this.#items };
    this.#stage = { at: "list", model, item, itemMeta: { kind: item.name, apiVersion } };
  }

  #readItems({ model, item, itemMeta }: Stage & { at: "list" }): void {
    const arrived = this.#arrived;
    while (this.#left > 0) {
      const end = Math.min(arrived.end, arrived.at + this.#left);
      const reader = new Reader(arrived.bytes, arrived.at, end);
      const tag = unlessCutShort(() => enterField(reader));
      if (tag === undefined) {
        // All of the list is here, and it ends within a field.
        if (end - arrived.at === this.#left) throw new CutShortError();
        return;
      }
      this.#left -= reader.end - arrived.at;
      arrived.at = reader.end;
      if (tag === 18) this.#items.push(this.#kinds.readObject(reader, item, itemMeta));
      else if (tag === 10) this.#head.metadata = readKind(reader, metadataOf(model), this.#typeMeta);
    }
    this.#stage = { at: "end" };
  }
}

/** The beginning of an envelope; the reader then stands before the object's message, of which no byte need be there. */
function readBeginning(reader: Reader): { readonly typeMeta: TypeMeta; readonly length: number } {
  readMagic(reader);
  let typeMeta: TypeMeta = { apiVersion: "", kind: "" };
  for (;;) {
    const tag = reader.varint();
    if (tag === 10) typeMeta = readTypeMeta(reader);
    else if (tag === 18) return { typeMeta, length: reader.varint() };
    else reader.skip(tag % 8);
  }
}

/** Goes into a field that is there as a whole: its tag; what is no message is passed over. */
function enterField(reader: Reader): number {
  const tag = reader.varint();
  if (tag % 8 === 2) reader.end = reader.enter();
  else {
    reader.skip(tag % 8);
    reader.end = reader.at;
  }
  return tag;
}

function unlessCutShort<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CutShortError) return undefined;
    throw error;
  }
}

function metadataOf(model: Model): Model {
  const shape = model.field("metadata")?.shape;
  if (shape?.kind !== "model") throw new ProtobufError(`${model.name} has no metadata`);
  return shape.model;
}
