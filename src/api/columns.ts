/** The building blocks of printed columns. */
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Container } from "./core/types.generated.ts";
import type { Column } from "./definition.ts";
import { humanAge } from "./human-duration.ts";

type Value<T> = Column<T>["value"];

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name of the object, unique among its kind within a namespace.",
  value: ({ metadata }) => metadata.name ?? "",
};

/** Names the default among objects of the kind as such. */
export function nameColumnMarking<T extends KubeObject>(isDefault: (object: T) => boolean): Column<T> {
  return {
    ...nameColumn,
    value: (object) => `${object.metadata.name ?? ""}${isDefault(object) ? " (default)" : ""}`,
  };
}

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  value: ({ metadata }, { nowMs }) => humanAge(metadata.creationTimestamp, nowMs),
};

export function stringColumn<T>(name: string, description: string, value: Value<T>): Column<T> {
  return { name, type: "string", description, value };
}

export function integerColumn<T>(name: string, description: string, value: Value<T>): Column<T> {
  return { name, type: "integer", description, value };
}

export function booleanColumn<T>(name: string, description: string, value: Value<T>): Column<T> {
  return { name, type: "boolean", description, value };
}

/** Shown only with `-o wide`. */
export function wide<T>(column: Column<T>): Column<T> {
  return { ...column, priority: 1 };
}

/** The columns of a kind that has nothing more to show: upstream's default converter prints the time itself. */
export const plainColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  {
    name: "Created At",
    type: "date",
    description: "When the object was created.",
    value: ({ metadata }) => metadata.creationTimestamp ?? "0001-01-01T00:00:00Z",
  },
];

/** The wide columns of everything that has a pod template. */
export function templateColumns<T>(containersOf: (object: T) => readonly Container[]): readonly Column<T>[] {
  return [
    wide(
      stringColumn("Containers", "Names of the containers in the template.", (object) =>
        containersOf(object)
          .map(({ name }) => name)
          .join(","),
      ),
    ),
    wide(
      stringColumn("Images", "Images of the containers in the template.", (object) =>
        containersOf(object)
          .map(({ image }) => image ?? "")
          .join(","),
      ),
    ),
  ];
}

/** `a,b,c + 2 more...`: the first few of a list. */
export function firstFew(items: readonly string[], limit: number, separator = ","): string {
  const shown = items.slice(0, limit).join(separator);
  return items.length > limit ? `${shown} + ${items.length - limit} more...` : shown;
}
