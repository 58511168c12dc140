import type { Model, Shape } from "../schema/tables.ts";
import { type CelType, dynType, escapeName, type ObjectType } from "./types.ts";

/**
 * The CEL type of a built-in kind, for checking expressions against it; values of it are not made. A model inside of itself is
 * of no known type the second time.
 */
export function typeOfModel(model: Model): CelType {
  const objects = new Map<string, ObjectType>();
  const name = nameOfModel(model, objects, []);
  return { ...dynType, name, objects: [...objects.values()] };
}

function nameOfModel(model: Model, objects: Map<string, ObjectType>, above: readonly Model[]): string {
  if (above.includes(model)) return "dyn";
  const name = `${model.group === "" ? "core" : model.group.replaceAll("-", "_")}.${model.version}.${model.name}`;
  if (objects.has(name)) return name;
  const fields: Record<string, string> = {};
  for (const field of model.fields) {
    const escaped = escapeName(field.name);
    if (escaped !== undefined) fields[escaped] = nameOfShape(field.shape, objects, [...above, model]);
  }
  class CelObject {}
  objects.set(name, { name, fields, create: CelObject });
  return name;
}

function nameOfShape(shape: Shape, objects: Map<string, ObjectType>, above: readonly Model[]): string {
  switch (shape.kind) {
    case "string":
    case "quantity":
      return "string";
    case "bool":
      return "bool";
    case "int32":
    case "int64":
      return "int";
    case "double":
      return "double";
    case "list":
      return `list<${nameOfShape(shape.item, objects, above)}>`;
    case "map":
      return `map<string, ${nameOfShape(shape.value, objects, above)}>`;
    case "model":
      return nameOfModel(shape.model, objects, above);
    case "time":
    case "microTime":
      return "google.protobuf.Timestamp";
    case "bytes":
      return "bytes";
    default:
      return "dyn";
  }
}
