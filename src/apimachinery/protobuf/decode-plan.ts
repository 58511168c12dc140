import { zeroOf } from "../schema/normalize.ts";
import type { Field, Model, Shape, UnionKind } from "../schema/tables.ts";
import { TextFamily } from "./text.ts";

/** How a value lies on the wire. A number, since it is switched on for every value there is. */
export const ops = {
  string: 0,
  bool: 1,
  integer: 2,
  double: 3,
  bytes: 4,
  model: 5,
  /** A message whose fields are those of the outer object. */
  embedded: 6,
  list: 7,
  map: 8,
  wrappedList: 9,
  union: 10,
  quantity: 11,
  intOrString: 12,
  time: 13,
  microTime: 14,
  duration: 15,
  json: 16,
  fieldsV1: 17,
} as const;

/** How one value is read: a field's, a list's item's, a map's. */
export interface ValueReader {
  readonly op: number;
  /** Of the wire: 0 a varint, 1 eight bytes, 2 a length and bytes. */
  readonly wireType: number;
  /** Of a model or a union. */
  readonly model: Model | undefined;
  readonly item: ValueReader | undefined;
  readonly union: UnionKind | undefined;
  readonly texts: TextFamily;
}

export interface DecodeField {
  readonly reader: ValueReader;
  /** Where it stands in the plan's `members`; of an embedded message, nowhere. */
  readonly index: number;
  /** What an embedded message holds. */
  readonly embedded: readonly (DecodeField | undefined)[] | undefined;
}

/** A member of the object, as Go's JSON treats it. */
export interface DecodeMember {
  readonly name: string;
  readonly field: Field;
  readonly reader: ValueReader;
  /** Left out where it is zero. */
  readonly omitsZero: boolean;
  /** Written even where it was never set. */
  readonly alwaysWritten: boolean;
}

/** How the messages of a model are read. */
export interface DecodePlan {
  readonly model: Model;
  /** In Go's order, which is that of the JSON. */
  readonly members: readonly DecodeMember[];
  /** By number. */
  readonly fields: readonly (DecodeField | undefined)[];
  readonly shapes: ShapeNode;
  shapeCount: number;
}

/**
 * One set of members that objects have, found by following the members one by one. Objects of one set are made by one
 * constructor, so that the engine gives them one layout with room for all members; their prototype is that of any object.
 */
export class ShapeNode {
  readonly next: (ShapeNode | undefined)[] = [];
  readonly members: readonly number[];
  readonly names: readonly string[];
  readonly #create: new () => object;

  constructor(members: readonly number[], names: readonly string[]) {
    this.members = members;
    this.names = names;
    this.#create = plainObjectConstructor();
  }

  create(): Record<string, unknown> {
    return new this.#create() as Record<string, unknown>; // nothing is in it yet
  }
}

function plainObjectConstructor(): new () => object {
  // biome-ignore lint/complexity/useArrowFunction: an arrow function constructs nothing
  const create = function () {} as unknown as new () => object;
  create.prototype = Object.prototype;
  return create;
}

/** More sets than this, which only made-up messages have, are built without a constructor of their own. */
const mostShapes = 512;

/** The set with one member more; undefined: there are too many already. */
export function extended(plan: DecodePlan, node: ShapeNode, member: number): ShapeNode | undefined {
  if (plan.shapeCount >= mostShapes) return undefined;
  plan.shapeCount++;
  const names = [...node.names, plan.members[member]?.name ?? ""];
  const made = new ShapeNode([...node.members, member], names);
  node.next[member] = made;
  return made;
}

const plans = new WeakMap<Model, DecodePlan>();

/** Made once a model. */
export function decodePlanOf(model: Model): DecodePlan {
  const known = plans.get(model);
  if (known !== undefined) return known;
  const indexes = new Map(model.fields.map((field, index) => [field.name, index]));
  const members = model.fields.map((field): DecodeMember => {
    const { kind } = field.shape;
    return {
      name: field.name,
      field,
      reader: readerOf(field.shape),
      // Structs in Go: a zero of these is written.
      omitsZero: !field.pointer && field.omitEmpty && kind !== "intOrString" && kind !== "quantity",
      alwaysWritten: field.alwaysWritten,
    };
  });
  const plan: DecodePlan = {
    model,
    members,
    fields: fieldsOf(model, indexes, members),
    shapes: new ShapeNode([], []),
    shapeCount: 0,
  };
  plans.set(model, plan);
  return plan;
}

function fieldsOf(
  model: Model,
  indexes: ReadonlyMap<string, number>,
  members: readonly DecodeMember[],
): (DecodeField | undefined)[] {
  const fields: (DecodeField | undefined)[] = [];
  const put = (number: number, field: DecodeField) => {
    while (fields.length < number) fields.push(undefined);
    fields[number] = field;
  };
  for (const { name, protoNumber } of model.ownFields) {
    const index = indexes.get(name) ?? 0;
    const reader = members[index]?.reader;
    if (protoNumber !== undefined && reader !== undefined)
      put(protoNumber, { reader, index, embedded: undefined });
  }
  for (const { model: inner, protoNumber } of model.embedded) {
    const reader = { ...readerOf({ kind: "model", model: inner }), op: ops.embedded };
    put(protoNumber, { reader, index: -1, embedded: fieldsOf(inner, indexes, members) });
  }
  return fields;
}

const opOfKind = {
  string: ops.string,
  bool: ops.bool,
  int32: ops.integer,
  int64: ops.integer,
  double: ops.double,
  bytes: ops.bytes,
  quantity: ops.quantity,
  intOrString: ops.intOrString,
  time: ops.time,
  microTime: ops.microTime,
  duration: ops.duration,
  raw: ops.json,
  json: ops.json,
  fieldsV1: ops.fieldsV1,
  model: ops.model,
  map: ops.map,
  schemaOrArray: ops.union,
  schemaOrBool: ops.union,
  schemaOrStrings: ops.union,
} as const;

function readerOf(shape: Shape): ValueReader {
  const inner =
    shape.kind === "list" ? readerOf(shape.item) : shape.kind === "map" ? readerOf(shape.value) : undefined;
  const op = shape.kind === "list" ? (shape.wrapped ? ops.wrappedList : ops.list) : opOfKind[shape.kind];
  return {
    op,
    // A list is its items, one after the other.
    wireType:
      op === ops.list && inner !== undefined
        ? inner.wireType
        : op === ops.bool || op === ops.integer
          ? 0
          : op === ops.double
            ? 1
            : 2,
    model: "model" in shape ? shape.model : undefined,
    item: inner,
    union:
      shape.kind === "schemaOrArray" || shape.kind === "schemaOrBool" || shape.kind === "schemaOrStrings"
        ? shape.kind
        : undefined,
    texts: new TextFamily(),
  };
}

/** What stands for a member that was never set. */
export function zeroMember({ field }: DecodeMember): unknown {
  return zeroOf(field.shape);
}
