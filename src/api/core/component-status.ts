import { nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { componentStatuses } from "../resources.generated.ts";
import type { ComponentCondition, ComponentStatus } from "./types.generated.ts";

const health = ({ conditions }: ComponentStatus): ComponentCondition | undefined =>
  conditions?.find(({ type }) => type === "Healthy");

function verdict(object: ComponentStatus): string {
  const condition = health(object);
  if (condition === undefined) return "Unknown";
  return condition.status === "True" ? "Healthy" : "Unhealthy";
}

export const componentStatusDefinition = defineResource(componentStatuses, {
  deprecationWarning: "v1 ComponentStatus is deprecated in v1.19+",
  shortNames: ["cs"],
  verbs: ["get", "list"],
  columns: [
    nameColumn,
    stringColumn("Status", "Whether the component is healthy.", verdict),
    stringColumn("Message", "What it says.", (object) => health(object)?.message ?? ""),
    stringColumn("Error", "What is wrong.", (object) => health(object)?.error ?? ""),
  ],
  strategy: {},
});
