import type { CustomResourceColumnDefinition } from "../../api/apiextensions/types.generated.ts";
import { nameColumn } from "../../api/columns.ts";
import type { Column } from "../../api/definition.ts";
import { humanAge } from "../../api/human-duration.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { parseJsonPath } from "../../apimachinery/structural-schema/json-path.ts";
import { sortedKeys } from "../../apimachinery/structural-schema/list-types.ts";
import { canonicalTime } from "../../apimachinery/time.ts";

const ageColumn: CustomResourceColumnDefinition = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Time since the object was created.",
};

/** The columns kubectl shows: the name, then what the definition declares, or else the age. */
export function columnsOf(
  declared: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column<AnyObject>[] {
  const columns = declared === undefined || declared.length === 0 ? [ageColumn] : declared;
  return [nameColumn, ...columns.map(column)];
}

function column({
  name,
  type,
  format,
  description,
  jsonPath,
  priority,
}: CustomResourceColumnDefinition): Column<AnyObject> {
  const find = pathOrNothing(jsonPath);
  return {
    name,
    type,
    ...(format === undefined ? {} : { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority === undefined ? {} : { priority }),
    value(object, { nowMs }) {
      const [value] = find(object);
      return value === undefined ? null : cell(type, value, nowMs);
    },
  };
}

/** As Go writes JSON: fit to stand in HTML. */
const goJson = (value: object) =>
  JSON.stringify(value, sortedKeys).replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);

function pathOrNothing(path: string): (object: unknown) => readonly unknown[] {
  try {
    return parseJsonPath(path);
  } catch {
    return () => [];
  }
}

function cell(type: string, value: unknown, nowMs: number): string | number | boolean | null {
  switch (type) {
    case "integer":
      return typeof value === "number" ? Math.trunc(value) : null;
    case "number":
      return typeof value === "number" ? value : null;
    case "boolean":
      return typeof value === "boolean" ? value : null;
    case "string":
      if (value === null) return "<no value>";
      return typeof value === "object" ? goJson(value) : String(value);
    case "date":
      if (typeof value !== "string") return null;
      return value === "" || canonicalTime(value, { micro: false }) !== undefined
        ? humanAge(value, nowMs)
        : "<invalid>";
    default:
      return null;
  }
}
