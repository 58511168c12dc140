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
import { checkStructure } from "./structure.ts";
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
  /** The unread members are kept together: small ones, that mostly are the same in the next version or all of them. */
  readonly together: boolean;
  readonly shapes: ShapeNode;
}

const plansOfKinds = new WeakMap<Model, LazyPlan>();
const plansOfSections = new WeakMap<Model, LazyPlan>();

/**
 * Reads [at, end) of the reader as an object of this kind, the same as `readKind` gives. What is malformed within an unread
 * member is found when that is asked for, all else at once: `ProtobufError`.
 */
export function readKindLazily(reader: Reader, model: Model, typeMeta: TypeMeta): Record<string, unknown> {
  let lazy = plansOfKinds.get(model);
  if (lazy === undefined) {
    lazy = planOfKind(model);
    plansOfKinds.set(model, lazy);
  }
  clearSlots(lazy.plan, 0);
  setTypeMeta(lazy.plan, 0, typeMeta);
  const object = readObject(reader, lazy, undefined, 0);
  Object.defineProperty(object, inspectSymbol, shownAsPlain);
  return object;
}

/** Spec or status: of an object that was asked for one of them, mostly little is looked at. */
function readSectionLazily(reader: Reader, model: Model, section: Part): Record<string, unknown> {
  let lazy = plansOfSections.get(model);
  if (lazy === undefined) {
    lazy = lazyPlan(model, isLarge, { together: false });
    plansOfSections.set(model, lazy);
  }
  clearSlots(lazy.plan, 0);
  const object = readObject(reader, lazy, section, 0);
  Object.defineProperty(object, inspectSymbol, shownAsPlain);
  return object;
}

const isLarge = ({ reader: { op, wireType } }: DecodeMember) =>
  wireType === 2 && (op === ops.model || op === ops.list || op === ops.map);

function planOfKind(model: Model): LazyPlan {
  const metadata = model.field("metadata")?.shape;
  const inner =
    metadata?.kind === "model" && metadata.model.name === "ObjectMeta"
      ? lazyPlan(metadata.model, isLarge, { together: true })
      : undefined;
  const isLater = (member: DecodeMember) => member.name !== "metadata" && isLarge(member);
  return lazyPlan(model, isLater, { together: false, metadata: inner });
}

function lazyPlan(
  model: Model,
  isLater: (member: DecodeMember) => boolean,
  { together, metadata }: { readonly together: boolean; readonly metadata?: LazyPlan | undefined },
): LazyPlan {
  const plan = decodePlanOf(model);
  const slots = new Map<string, number>();
  // Those of embedded messages are read at once: several messages would make one member.
  const own = new Set(plan.fields.map((field) => field?.index));
  const laterByIndex = plan.members.map((member, index) => {
    if (!own.has(index) || !isLater(member)) return undefined;
    const slot = 1 + slots.size;
    slots.set(member.name, slot);
    return lazyMember(member.name, slot, {
      read: (part) => readKept(plan, index, member, part),
      check: (part) => checkStructure(readerOf(part.bytes), plan.fields),
    });
  });
  return {
    plan,
    slots,
    laters: laterByIndex.filter((later) => later !== undefined),
    laterByIndex,
    laterByNumber: plan.fields.map((field) =>
      field === undefined || field.index < 0 ? undefined : laterByIndex[field.index],
    ),
    metadataNumber: plan.fields.findIndex(
      (field) => field !== undefined && plan.members[field.index]?.name === "metadata",
    ),
    metadataIndex: plan.members.findIndex(({ name }) => name === "metadata"),
    metadata,
    together,
    shapes: new ShapeNode([], []),
  };
}

/** Where bytes that were kept are laid out again. Whatever is longer gets a place of its own. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

function readerOf(kept: string): Reader {
  const bytes = kept.length <= scratch.length ? scratch : Buffer.allocUnsafeSlow(kept.length);
  bytes.write(kept, 0, "latin1");
  return new Reader(bytes, 0, kept.length);
}

function readKept(plan: DecodePlan, index: number, member: DecodeMember, part: Part): unknown {
  const reader = readerOf(part.bytes);
  const { op, model } = member.reader;
  if (op === ops.model && model !== undefined && reader.end > 0) {
    reader.varint();
    // A message that came in two pieces is left to those who know.
    if (reader.enter() === reader.end) return readSectionLazily(reader, model, part);
    reader.at = 0;
  }
  return readMember(reader, plan, index) ?? zeroMember(member);
}

/**
 * The slots from `base` on are the plan's, and clear. `section`: the part whose bytes the reader's are, and that unread
 * members become parts of; without it they keep bytes of their own.
 */
function readObject(
  reader: Reader,
  lazy: LazyPlan,
  section: Part | undefined,
  base: number,
): Record<string, unknown> {
  const { plan, laterByNumber, slots, metadata } = lazy;
  const free = base + plan.members.length;
  const parts = new Array(1 + slots.size) as Parts; // filled below, all but what is not there
  parts[0] = lazy;
  let open: LazyMember | undefined;
  let openStart = 0;
  let group: Group | undefined = section === undefined ? undefined : { within: section, from: 0 };
  while (reader.at < reader.end) {
    const start = reader.at;
    const tag = reader.varint();
    const wireType = tag % 8;
    const number = (tag - wireType) / 8;
    const later = number < laterByNumber.length ? laterByNumber[number] : undefined;
    if (open !== undefined && open !== later) {
      keep(parts, open, partOf(group, reader, openStart, start));
      open = undefined;
    }
    if (later !== undefined && wireType === 2) {
      if (open === undefined) openStart = start;
      open = later;
      if (group === undefined && lazy.together)
        group = { within: byteText(reader.bytes, start, reader.end), from: start };
      reader.at = reader.enter();
    } else if (metadata !== undefined && number === lazy.metadataNumber && wireType === 2) {
      const outerEnd = reader.end;
      reader.end = reader.enter();
      clearSlots(metadata.plan, free);
      memberSlots[base + lazy.metadataIndex] = readObject(reader, metadata, undefined, free);
      reader.end = outerEnd;
    } else {
      const field = number < plan.fields.length ? plan.fields[number] : undefined;
      if (field === undefined) reader.skip(wireType);
      else readField(reader, field, wireType, base, free, 0);
    }
  }
  if (open !== undefined) keep(parts, open, partOf(group, reader, openStart, reader.at));
  return buildObject(lazy, parts, base);
}

/** What holds the bytes of several members, and the place of its first byte among the reader's. */
interface Group {
  readonly within: string | Part;
  readonly from: number;
}

/** A string holds the bytes at the least cost: the engine moves it and lets it go as it does with any other value. */
function partOf(group: Group | undefined, { bytes }: Reader, start: number, end: number): Part {
  if (group !== undefined) return new Part(group.within, start - group.from, end - group.from);
  return new Part(byteText(bytes, start, end), 0, end - start);
}

function keep(parts: Parts, { slot }: LazyMember, part: Part): void {
  const before = parts[slot] as Part | undefined; // of a field that came in two places
  if (before === undefined) {
    parts[slot] = part;
    return;
  }
  const bytes = before.bytes + part.bytes;
  parts[slot] = new Part(bytes, 0, bytes.length);
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
      else parts[later.slot] = new Part("", 0, 0, zeroMember(member));
    } else if (member.omitsZero && isZero(value)) {
      memberSlots[base + index] = undefined;
      continue;
    }
    if (node !== undefined) node = node.next[index] ?? extended(plan, node, index);
  }
  const object = node === undefined ? {} : node.create();
  const present = node?.members ?? members.keys();
  for (const index of present) {
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
