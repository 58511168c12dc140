import type { Field, Model, Shape } from "../schema/tables.ts";

/** A field of a protobuf message, or a model inlined in JSON that is a message of its own. */
export interface PlannedField {
  readonly number: number;
  readonly shape: Shape;
  /** Undefined: the inlined model's members are those of the outer object. */
  readonly name: string | undefined;
  /** Written only when it is there: pointers, and what Go holds as a slice or a map. */
  readonly optional: boolean;
}

export interface MessagePlan {
  /** By descending number: the order in which a reverse writer needs them. */
  readonly descending: readonly PlannedField[];
  readonly byNumber: ReadonlyMap<number, PlannedField>;
}

const plans = new WeakMap<Model, MessagePlan>();

/** How a model's message is laid out. Made once a model. */
export function planOf(model: Model): MessagePlan {
  const known = plans.get(model);
  if (known !== undefined) return known;
  const fields: PlannedField[] = [];
  for (const field of model.ownFields) {
    if (field.protoNumber === undefined) continue;
    fields.push({
      number: field.protoNumber,
      shape: field.shape,
      name: field.name,
      optional: field.pointer || isNilable(field),
    });
  }
  for (const { model: inlined, protoNumber, pointer } of model.embedded)
    fields.push({
      number: protoNumber,
      shape: { kind: "model", model: inlined },
      name: undefined,
      optional: pointer,
    });
  const descending = fields.toSorted((left, right) => right.number - left.number);
  const plan = { descending, byNumber: new Map(fields.map((field) => [field.number, field])) };
  plans.set(model, plan);
  return plan;
}

function isNilable({ shape }: Field): boolean {
  return shape.kind === "list" || shape.kind === "map" || shape.kind === "bytes";
}
