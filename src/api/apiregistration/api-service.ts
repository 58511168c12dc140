import { pathSegment } from "../../apimachinery/names.ts";
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { apiServices } from "../resources.generated.ts";
import { apiServiceStrategy } from "./api-service-strategy.ts";
import type { APIService } from "./types.generated.ts";

function server({ spec }: APIService): string {
  const service = spec?.service;
  return service === undefined ? "Local" : `${service.namespace ?? ""}/${service.name ?? ""}`;
}

function availability({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === "Available");
  if (condition === undefined) return "Unknown";
  return condition.status === "True" ? "True" : `${condition.status} (${condition.reason ?? ""})`;
}

export const apiServiceDefinition = defineResource(apiServices, {
  categories: ["api-extensions"],
  // "v1." is the name of the core group's.
  checkName: pathSegment,
  hasStatus: true,
  columns: [
    nameColumn,
    stringColumn("Service", "The service behind it, or Local.", server),
    stringColumn("Available", "Whether it answers.", availability),
    ageColumn,
  ],
  strategy: apiServiceStrategy,
});
