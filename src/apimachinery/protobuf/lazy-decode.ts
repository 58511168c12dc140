/**
 * Reads an object without most of what is in it: names, versions and whatever else is a plain value are read at once; spec,
 * status, data, and of the metadata labels, annotations, owners and managed fields are kept as bytes until somebody asks for
 * them. See `lazy-object.ts` for what such an object is.
 */
import type { Model } from "../schema/tables.ts";
import { clearSlots, isZero, memberSlots, readField, readMember, setTypeMeta } from "./decode.ts";
import {
  type DecodeMember,
  type DecodePlan,
  decodePlanOf,
  extended,
  ops,
  ShapeNode,
  zeroMember,
} from "./decode-plan.ts";
import type { TypeMeta } from "./envelope.ts";
import {
  giveParts,
  inspectSymbol,
  type LazyMember,
  lazyMember,
  Part,
  type Parts,
  type PartsOwner,
  shownAsPlain,
} from "./lazy-object.ts";
import { Reader } from "./reader.ts";
import { byteText } from "./text.ts";

interface LazyPlan extends PartsOwner {
  readonly plan: DecodePlan;
  /** The members that are left unread: by their numbers in the message, and by their places in the object. */
  readonly laterByNumber: readonly (LazyMember | undefined)[];
  readonly laterByIndex: readonly (LazyMember | undefined)[];
  /** The object's metadata, which are read lazily themselves. */
  readonly metadataNumber: number;
  readonly metadataIndex: number;
  readonly metadata: LazyPlan | undefined;
  readonly shapes: ShapeNode;
}

const plans = new WeakMap<Model, LazyPlan>();

/**
 * Reads [at, end) of the reader as an object of this kind, the same as `readKind` gives. What is malformed within an unread
 * member is found when that is asked for, all else at once: `ProtobufError`.
 */
export function readKindLazily(reader: Reader, model: Model, typeMeta: TypeMeta): Record<string, unknown> {
  let lazy = plans.get(model);
  if (lazy === undefined) {
    lazy = planOfKind(model);
    plans.set(model, lazy);
  }
  clearSlots(lazy.plan, 0);
  setTypeMeta(lazy.plan, 0, typeMeta);
  const object = readObject(reader, lazy, 0);
  Object.defineProperty(object, inspectSymbol, shownAsPlain);
  return object;
}

function planOfKind(model: Model): LazyPlan {
  const isLarge = ({ name, reader: { op, wireType } }: DecodeMember) =>
    name !== "metadata" && wireType === 2 && (op === ops.model || op === ops.list || op === ops.map);
  const metadata = model.field("metadata")?.shape;
  const inner =
    metadata?.kind === "model" && metadata.model.name === "ObjectMeta"
      ? lazyPlan(metadata.model, isLarge, undefined)
      : undefined;
  return lazyPlan(model, isLarge, inner);
}

function lazyPlan(
  model: Model,
  isLater: (member: DecodeMember) => boolean,
  metadata: LazyPlan | undefined,
): LazyPlan {
  const plan = decodePlanOf(model);
  const slots = new Map<string, number>();
  const laterByIndex = plan.members.map((member, index) => {
    if (!isLater(member)) return undefined;
    const slot = 1 + slots.size;
    slots.set(member.name, slot);
    return lazyMember(member.name, slot, (bytes) => readKept(plan, index, member, bytes));
  });
  return {
    plan,
    slots,
    laterByIndex,
    // Those of embedded messages are not among them: several messages would make one member.
    laterByNumber: plan.fields.map((field) =>
      field === undefined || field.index < 0 ? undefined : laterByIndex[field.index],
    ),
    metadataNumber: plan.fields.findIndex(
      (field) => field !== undefined && plan.members[field.index]?.name === "metadata",
    ),
    metadataIndex: plan.members.findIndex(({ name }) => name === "metadata"),
    metadata,
    shapes: new ShapeNode([], []),
  };
}

/** Where bytes that were kept are laid out again. Whatever is longer gets a place of its own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

function readKept(plan: DecodePlan, index: number, member: DecodeMember, kept: string): unknown {
  const bytes = kept.length <= scratch.length ? scratch : Buffer.allocUnsafeSlow(kept.length);
  bytes.write(kept, 0, "latin1");
  return readMember(new Reader(bytes, 0, kept.length), plan, index) ?? zeroMember(member);
}

/** The slots from `base` on are the plan's, and clear. */
function readObject(reader: Reader, lazy: LazyPlan, base: number): Record<string, unknown> {
  const { plan, laterByNumber, slots, metadata } = lazy;
  const free = base + plan.members.length;
  const parts = new Array(1 + slots.size) as Parts; // filled below, all but what is not there
  parts[0] = lazy;
  let open: LazyMember | undefined;
  let openStart = 0;
  while (reader.at < reader.end) {
    const start = reader.at;
    const tag = reader.varint();
    const wireType = tag % 8;
    const number = (tag - wireType) / 8;
    const later = number < laterByNumber.length ? laterByNumber[number] : undefined;
    if (open !== undefined && open !== later) {
      keep(parts, open, reader, openStart, start);
      open = undefined;
    }
    if (later !== undefined && wireType === 2) {
      if (open === undefined) openStart = start;
      open = later;
      reader.at = reader.enter();
    } else if (metadata !== undefined && number === lazy.metadataNumber && wireType === 2) {
      const outerEnd = reader.end;
      reader.end = reader.enter();
      clearSlots(metadata.plan, free);
      memberSlots[base + lazy.metadataIndex] = readObject(reader, metadata, free);
      reader.end = outerEnd;
    } else {
      const field = number < plan.fields.length ? plan.fields[number] : undefined;
      if (field === undefined) reader.skip(wireType);
      else readField(reader, field, wireType, base, free, 0);
    }
  }
  if (open !== undefined) keep(parts, open, reader, openStart, reader.at);
  return buildObject(lazy, parts, base);
}

/** A string holds the bytes at the least cost: the engine moves it and lets it go as it does with any other value. */
function keep(parts: Parts, { slot }: LazyMember, { bytes }: Reader, start: number, end: number): void {
  const kept = byteText(bytes, start, end);
  const before = parts[slot] as Part | undefined; // of a field that came in two places
  parts[slot] = new Part(before === undefined ? kept : before.bytes + kept, undefined);
}

function buildObject(
  { plan, laterByIndex, shapes }: LazyPlan,
  parts: Parts,
  base: number,
): Record<string, unknown> {
  const { members } = plan;
  let node: ShapeNode | undefined = shapes;
  for (let index = 0; index < members.length; index++) {
    const member = members[index];
    if (member === undefined) continue;
    const later = laterByIndex[index];
    const value = later === undefined ? memberSlots[base + index] : parts[later.slot];
    if (value === undefined) {
      if (!member.alwaysWritten) continue;
      if (later === undefined) memberSlots[base + index] = zeroMember(member);
      else parts[later.slot] = new Part("", zeroMember(member));
    } else if (member.omitsZero && isZero(value)) {
      memberSlots[base + index] = undefined;
      continue;
    }
    if (node !== undefined) node = node.next[index] ?? extended(plan, node, index);
  }
  const object = node === undefined ? {} : node.create();
  for (let index = 0; index < members.length; index++) {
    const later = laterByIndex[index];
    const value = memberSlots[base + index];
    if (later !== undefined) {
      if (parts[later.slot] !== undefined) Object.defineProperty(object, later.name, later.descriptor);
    } else if (value !== undefined) {
      object[members[index]?.name ?? ""] = value;
      memberSlots[base + index] = undefined;
    }
  }
  giveParts(object, parts);
  return object;
}
