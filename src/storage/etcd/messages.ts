/** The messages of etcd v3's API that this engine uses, to and from Protocol Buffers: only the fields it uses. */
import protobuf from "protobufjs/minimal.js";
import { type KeyValue, StoredValue } from "../storage.ts";

const { Reader, Writer } = protobuf;
type Reader = protobuf.Reader;
type Writer = protobuf.Writer;

/** Field numbers are above the wire type's three bits. */
const varint = 0;
const lengthDelimited = 2;
const tag = (field: number, wireType: number) => (field << 3) | wireType;

export interface EtcdRange {
  readonly start: string;
  readonly end?: string;
  readonly limit?: number;
  readonly revision?: number;
  readonly countOnly?: boolean;
}

export interface EtcdRangeResult {
  readonly revision: number;
  readonly items: readonly KeyValue[];
  readonly count: number;
}

export type EtcdOperation =
  | { readonly type: "range"; readonly range: EtcdRange }
  | { readonly type: "put"; readonly key: string; readonly value: Uint8Array; readonly lease?: string }
  | { readonly type: "delete"; readonly key: string; readonly end?: string };

export interface EtcdTransaction {
  /** All must have been written last at that revision; 0: not exist. */
  readonly compare: readonly { readonly key: string; readonly modRevision: number }[];
  readonly success: readonly EtcdOperation[];
  readonly failure: readonly EtcdOperation[];
}

export interface EtcdTransactionResult {
  readonly revision: number;
  readonly succeeded: boolean;
  /** The results of the ranges among the operations, in order. */
  readonly ranges: readonly EtcdRangeResult[];
}

export interface EtcdEvent {
  readonly deleted: boolean;
  readonly keyValue: KeyValue;
  readonly previous: KeyValue | undefined;
}

export interface EtcdWatchResponse {
  readonly revision: number;
  readonly created: boolean;
  readonly canceled: boolean;
  /** More than 0: the watch was canceled because it asked for what is compacted. */
  readonly compactRevision: number;
  readonly cancelReason: string;
  readonly events: readonly EtcdEvent[];
}

export function encodeRange(range: EtcdRange): Uint8Array {
  return writeRange(Writer.create(), range).finish();
}

function writeRange(writer: Writer, { start, end, limit, revision, countOnly }: EtcdRange): Writer {
  writer.uint32(tag(1, lengthDelimited)).string(start);
  if (end !== undefined) writer.uint32(tag(2, lengthDelimited)).string(end);
  if (limit) writer.uint32(tag(3, varint)).int64(limit);
  if (revision) writer.uint32(tag(4, varint)).int64(revision);
  if (countOnly) writer.uint32(tag(9, varint)).bool(true);
  return writer;
}

export function decodeRange(bytes: Uint8Array): EtcdRangeResult {
  const reader = Reader.create(bytes);
  return readRange(reader, reader.len);
}

function readRange(reader: Reader, end: number): EtcdRangeResult {
  let revision = 0;
  let count = 0;
  const items: KeyValue[] = [];
  readFields(reader, end, (field) => {
    if (field === 1) revision = readHeader(reader);
    else if (field === 2) items.push(readKeyValue(reader));
    else if (field === 4) count = number(reader.int64());
    else return false;
    return true;
  });
  return { revision, items, count };
}

export function encodeTransaction({ compare, success, failure }: EtcdTransaction): Uint8Array {
  const writer = Writer.create();
  for (const { key, modRevision } of compare) {
    writer.uint32(tag(1, lengthDelimited)).fork();
    // The comparison EQUAL is 0 and left out; the target MOD is 2.
    writer.uint32(tag(2, varint)).int32(2);
    writer.uint32(tag(3, lengthDelimited)).string(key);
    writer.uint32(tag(6, varint)).int64(modRevision).ldelim();
  }
  for (const operation of success) writeOperation(writer.uint32(tag(2, lengthDelimited)).fork(), operation);
  for (const operation of failure) writeOperation(writer.uint32(tag(3, lengthDelimited)).fork(), operation);
  return writer.finish();
}

function writeOperation(writer: Writer, operation: EtcdOperation): void {
  if (operation.type === "range") {
    writeRange(writer.uint32(tag(1, lengthDelimited)).fork(), operation.range).ldelim();
  } else if (operation.type === "put") {
    writer.uint32(tag(2, lengthDelimited)).fork();
    writer.uint32(tag(1, lengthDelimited)).string(operation.key);
    writer.uint32(tag(2, lengthDelimited)).bytes(operation.value);
    if (operation.lease !== undefined) writer.uint32(tag(3, varint)).int64(operation.lease);
    writer.ldelim();
  } else {
    writer.uint32(tag(3, lengthDelimited)).fork();
    writer.uint32(tag(1, lengthDelimited)).string(operation.key);
    if (operation.end !== undefined) writer.uint32(tag(2, lengthDelimited)).string(operation.end);
    writer.ldelim();
  }
  writer.ldelim();
}

export function decodeTransaction(bytes: Uint8Array): EtcdTransactionResult {
  const reader = Reader.create(bytes);
  let revision = 0;
  let succeeded = false;
  const ranges: EtcdRangeResult[] = [];
  readFields(reader, reader.len, (field) => {
    if (field === 1) revision = readHeader(reader);
    else if (field === 2) succeeded = reader.bool();
    else if (field === 3)
      readFields(reader, messageEnd(reader), (kind) => {
        if (kind === 1) ranges.push(readRange(reader, messageEnd(reader)));
        return kind === 1;
      });
    else return false;
    return true;
  });
  return { revision, succeeded, ranges };
}

export function encodeCompaction(revision: number): Uint8Array {
  return Writer.create().uint32(tag(1, varint)).int64(revision).finish();
}

export function encodeWatchCreate(
  range: { readonly start: string; readonly end?: string },
  startRevision: number,
): Uint8Array {
  const writer = Writer.create().uint32(tag(1, lengthDelimited)).fork();
  writer.uint32(tag(1, lengthDelimited)).string(range.start);
  if (range.end !== undefined) writer.uint32(tag(2, lengthDelimited)).string(range.end);
  writer.uint32(tag(3, varint)).int64(startRevision);
  writer.uint32(tag(6, varint)).bool(true); // with what stood there before
  return writer.ldelim().finish();
}

export function encodeWatchProgress(): Uint8Array {
  return Writer.create().uint32(tag(3, lengthDelimited)).fork().ldelim().finish();
}

export function decodeWatch(bytes: Uint8Array): EtcdWatchResponse {
  const reader = Reader.create(bytes);
  const events: EtcdEvent[] = [];
  let revision = 0;
  let created = false;
  let canceled = false;
  let compactRevision = 0;
  let cancelReason = "";
  readFields(reader, reader.len, (field) => {
    if (field === 1) revision = readHeader(reader);
    else if (field === 3) created = reader.bool();
    else if (field === 4) canceled = reader.bool();
    else if (field === 5) compactRevision = number(reader.int64());
    else if (field === 6) cancelReason = reader.string();
    else if (field === 11) events.push(readEvent(reader));
    else return false;
    return true;
  });
  return { revision, created, canceled, compactRevision, cancelReason, events };
}

export function encodeLeaseGrant(ttlSeconds: number): Uint8Array {
  return Writer.create().uint32(tag(1, varint)).int64(ttlSeconds).finish();
}

/** Leases are 64-bit numbers, beyond what a JavaScript number holds: kept as text. */
export function decodeLeaseGrant(bytes: Uint8Array): { readonly lease: string; readonly error: string } {
  const reader = Reader.create(bytes);
  let lease = "0";
  let error = "";
  readFields(reader, reader.len, (field) => {
    if (field === 2) lease = String(reader.int64());
    else if (field === 4) error = reader.string();
    else return false;
    return true;
  });
  return { lease, error };
}

/** Of the Status call: the server's version. */
export function decodeVersion(bytes: Uint8Array): string {
  const reader = Reader.create(bytes);
  let version = "";
  readFields(reader, reader.len, (field) => {
    if (field === 2) version = reader.string();
    return field === 2;
  });
  return version;
}

/** Of a message of which nothing but the header matters. */
export function decodeRevision(bytes: Uint8Array): number {
  const reader = Reader.create(bytes);
  let revision = 0;
  readFields(reader, reader.len, (field) => {
    if (field === 1) revision = readHeader(reader);
    return field === 1;
  });
  return revision;
}

function readEvent(reader: Reader): EtcdEvent {
  let deleted = false;
  let keyValue: KeyValue | undefined;
  let previous: KeyValue | undefined;
  readFields(reader, messageEnd(reader), (field) => {
    if (field === 1) deleted = reader.int32() === 1;
    else if (field === 2) keyValue = readKeyValue(reader);
    else if (field === 3) previous = readKeyValue(reader);
    else return false;
    return true;
  });
  if (keyValue === undefined) throw new Error("etcd sent an event without a key");
  return { deleted, keyValue, previous };
}

function readKeyValue(reader: Reader): KeyValue {
  let key = "";
  let createRevision = 0;
  let modRevision = 0;
  let value: Uint8Array = noBytes;
  readFields(reader, messageEnd(reader), (field) => {
    if (field === 1) key = reader.string();
    else if (field === 2) createRevision = number(reader.int64());
    else if (field === 3) modRevision = number(reader.int64());
    else if (field === 5) value = reader.bytes();
    else return false;
    return true;
  });
  return { key, value: StoredValue.ofBytes(value), createRevision, modRevision };
}

const noBytes = new Uint8Array();

function readHeader(reader: Reader): number {
  let revision = 0;
  readFields(reader, messageEnd(reader), (field) => {
    if (field === 3) revision = number(reader.int64());
    return field === 3;
  });
  return revision;
}

/** Calls `read` for each field up to `end`; a field it does not take (false) is skipped. */
function readFields(reader: Reader, end: number, read: (field: number) => boolean): void {
  while (reader.pos < end) {
    const key = reader.uint32();
    if (!read(key >>> 3)) reader.skipType(key & 7);
  }
}

function messageEnd(reader: Reader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

/** What is beyond 2^53 in etcd is no revision. */
function number(value: number | object): number {
  return typeof value === "number" ? value : (value as { toNumber(): number }).toNumber(); // a Long
}
