/**
 * Reads an object without most of what is in it: names, versions and whatever else is a plain value are read at once; spec,
 * status, data, and of the metadata labels, annotations, owners and managed fields are kept as bytes until somebody asks for
 * them. See `lazy-object.ts` for what such an object is.
 */
import type { Model } from "../schema/tables.ts";
import { clearSlots, isZero, memberSlots, readField, readMember, setTypeMeta } from "./decode.ts";
import {
  type DecodeField,
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
  firstSlot,
  giveParts,
  inspectSymbol,
  type LazyMember,
  lazyMember,
  Part,
  type Parts,
  type PartsOwner,
  partAt,
  partsGivenTo,
  shownAsPlain,
} from "./lazy-object.ts";
import type { OlderVersions } from "./older-versions.ts";
import { Reader } from "./reader.ts";
import { checkStructure, type Structure, structureOf } from "./structure.ts";
import { byteText, isText } from "./text.ts";

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
  /** By which unread members are gone over; undefined: they lie within one that was. */
  readonly structure: Structure | undefined;
}

const plansOfKinds = new WeakMap<Model, LazyPlan>();
const plansOfSections = new WeakMap<Model, LazyPlan>();

/**
 * Reads [at, end) of the reader as an object of this kind, the same as `readKind` gives. It shares with the version among
 * `versions` what came with the same bytes. Throws `ProtobufError` for what is malformed, so that reading a member later does
 * not; JSON that a member holds is looked at when that is asked for.
 */
export function readKindLazily(
  reader: Reader,
  model: Model,
  typeMeta: TypeMeta,
  versions?: OlderVersions,
): Record<string, unknown> {
  let lazy = plansOfKinds.get(model);
  if (lazy === undefined) {
    lazy = planOfKind(model);
    plansOfKinds.set(model, lazy);
  }
  clearSlots(lazy.plan, 0);
  setTypeMeta(lazy.plan, 0, typeMeta);
  const object = readObject(reader, lazy, 0, { versions });
  Object.defineProperty(object, inspectSymbol, shownAsPlain);
  return object;
}

/** Spec or status: of an object that was asked for one of them, mostly little is looked at. */
function readSectionLazily(reader: Reader, model: Model, section: Part): Record<string, unknown> {
  let lazy = plansOfSections.get(model);
  if (lazy === undefined) {
    lazy = lazyPlan(model, isLarge, { together: false, structure: undefined });
    plansOfSections.set(model, lazy);
  }
  clearSlots(lazy.plan, 0);
  const object = readObject(reader, lazy, 0, { section });
  Object.defineProperty(object, inspectSymbol, shownAsPlain);
  return object;
}

const isLarge = ({ reader: { op, wireType } }: DecodeMember) =>
  wireType === 2 && (op === ops.model || op === ops.list || op === ops.map);

function planOfKind(model: Model): LazyPlan {
  const metadata = model.field("metadata")?.shape;
  const inner =
    metadata?.kind === "model" && metadata.model.name === "ObjectMeta"
      ? lazyPlan(metadata.model, isLarge, { together: true, structure: structureOf(metadata.model) })
      : undefined;
  const isLater = (member: DecodeMember) => member.name !== "metadata" && isLarge(member);
  return lazyPlan(model, isLater, { together: false, metadata: inner, structure: structureOf(model) });
}

function lazyPlan(
  model: Model,
  isLater: (member: DecodeMember) => boolean,
  {
    together,
    metadata,
    structure,
  }: Pick<LazyPlan, "together" | "structure"> & { readonly metadata?: LazyPlan | undefined },
): LazyPlan {
  const plan = decodePlanOf(model);
  const slots = new Map<string, number>();
  // Those of embedded messages are read at once: several messages would make one member.
  const own = new Set(plan.fields.map((field) => field?.index));
  const laterByIndex = plan.members.map((member, index) => {
    if (!own.has(index) || !isLater(member)) return undefined;
    const slot = firstSlot + slots.size;
    slots.set(member.name, slot);
    return lazyMember(member.name, slot, (part) => readKept(plan, index, member, part));
  });
  return {
    plan,
    slots,
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
    structure,
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

/** What an object is read with. */
interface Around {
  /** The part whose bytes the reader's are, and that unread members become parts of; else they keep bytes of their own. */
  readonly section?: Part;
  /** The version before of the same object, where it is known; else among these. */
  readonly older?: object | undefined;
  readonly versions?: OlderVersions | undefined;
}

const alone: Around = {};

/** The slots from `base` on are the plan's, and clear. */
function readObject(
  reader: Reader,
  lazy: LazyPlan,
  base: number,
  { section, older: known, versions }: Around,
): Record<string, unknown> {
  const { plan, laterByNumber, slots, metadata } = lazy;
  const free = base + plan.members.length;
  let older = known;
  let before = older === undefined ? undefined : partsOf(older, lazy);
  let parts = new Array(firstSlot + slots.size) as Parts; // filled below, all but what is not there
  parts[0] = lazy;
  parts[1] = "";
  let open: LazyMember | undefined;
  let openStart = 0;
  let group: Group | undefined = section === undefined ? undefined : { within: section, from: 0 };
  let plainAfter = false;
  while (reader.at < reader.end) {
    const start = reader.at;
    const tag = reader.varint();
    const wireType = tag % 8;
    const number = (tag - wireType) / 8;
    const later = number < laterByNumber.length ? laterByNumber[number] : undefined;
    if (open !== undefined && open !== later) {
      keep(parts, before, open, reader, group, openStart, start);
      open = undefined;
    }
    if (later !== undefined && wireType === 2) {
      if (group === undefined && lazy.together) {
        const within = byteText(reader.bytes, start, reader.end);
        if (before !== undefined && before[1] === within) {
          parts = before;
          reader.at = reader.end;
          break;
        }
        group = { within, from: start };
      }
      if (open === undefined) openStart = start;
      open = later;
      reader.at = reader.enter();
    } else if (metadata !== undefined && number === lazy.metadataNumber && wireType === 2) {
      const outerEnd = reader.end;
      reader.end = reader.enter();
      if (versions !== undefined) {
        older = versions.find(reader);
        before = older === undefined ? undefined : partsOf(older, lazy);
      }
      clearSlots(metadata.plan, free);
      const around = older === undefined ? alone : { older: metadataOf(older) };
      memberSlots[base + lazy.metadataIndex] = readObject(reader, metadata, free, around);
      reader.end = outerEnd;
    } else {
      plainAfter ||= group !== undefined;
      const field = number < plan.fields.length ? plan.fields[number] : undefined;
      if (field === undefined) reader.skip(wireType);
      else if (older !== undefined && field.reader.op === ops.string && wireType === 2)
        memberSlots[base + field.index] = readTextLike(reader, field, memberOf(older, plan, field));
      else readField(reader, field, wireType, base, free, 0);
    }
  }
  if (open !== undefined) keep(parts, before, open, reader, group, openStart, reader.at);
  if (typeof group?.within === "string" && !plainAfter) parts[1] = group.within;
  return buildObject(lazy, parts, base);
}

/** What a version before was given, where that is of the same make. */
function partsOf(older: object, lazy: LazyPlan): Parts | undefined {
  const parts = partsGivenTo(older);
  return parts?.[0] === lazy ? parts : undefined;
}

function metadataOf(older: object): object | undefined {
  return "metadata" in older && typeof older.metadata === "object"
    ? (older.metadata ?? undefined)
    : undefined;
}

function memberOf(older: object, { members }: DecodePlan, { index }: DecodeField): unknown {
  return (older as Record<string, unknown>)[members[index]?.name ?? ""]; // whatever it is
}

/** A text that mostly is the one that is known. */
function readTextLike(reader: Reader, { reader: { texts } }: DecodeField, known: unknown): string {
  const { bytes } = reader;
  const end = reader.enter();
  const start = reader.at;
  reader.at = end;
  return typeof known === "string" && isText(known, bytes, start, end)
    ? known
    : texts.read(bytes, start, end);
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

/** Keeps [start, end) of the reader as a member: as the part of the version before where that has the same bytes. */
function keep(
  parts: Parts,
  before: Parts | undefined,
  { slot }: LazyMember,
  reader: Reader,
  group: Group | undefined,
  start: number,
  end: number,
): void {
  const part = partOf(group, reader, start, end);
  const known = partAt(before, slot);
  const begun = partAt(parts, slot); // of a field that came in two places
  if (known !== undefined && begun === undefined && known.hasBytesOf(part)) {
    parts[slot] = known;
    return;
  }
  const { structure } = parts[0] as LazyPlan; // they were begun with it
  if (structure !== undefined) checkStructure(reader.bytes, start, end, structure);
  if (begun === undefined) {
    parts[slot] = part;
    return;
  }
  const bytes = begun.bytes + part.bytes;
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
    const value = later === undefined ? memberSlots[base + index] : partAt(parts, later.slot);
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
      const part = partAt(parts, later.slot);
      if (part?.value !== undefined) object[later.name] = part.value;
      else if (part !== undefined) Object.defineProperty(object, later.name, later.descriptor);
    } else if (value !== undefined) {
      object[members[index]?.name ?? ""] = value;
      memberSlots[base + index] = undefined;
    }
  }
  giveParts(object, parts);
  return object;
}
