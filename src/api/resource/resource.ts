/** The kinds of dynamic resource allocation. */
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import {
  deviceClasses,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
} from "../resources.generated.ts";
import {
  deviceClassStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
  resourceSliceStrategy,
} from "./resource-strategy.ts";
import type { ResourceClaim } from "./types.generated.ts";

function state({ metadata, status }: ResourceClaim): string {
  const deleted = metadata.deletionTimestamp !== undefined;
  const words: string[] = deleted ? ["deleted"] : [];
  if (status?.allocation !== undefined) {
    words.push("allocated");
    if ((status.reservedFor ?? []).length > 0) words.push("reserved");
  } else if (!deleted) words.push("pending");
  return words.join(",");
}

const nameAndAge = [nameColumn, ageColumn];

export const deviceClassDefinition = defineResource(deviceClasses, {
  columns: nameAndAge,
  strategy: deviceClassStrategy,
});

export const resourceClaimDefinition = defineResource(resourceClaims, {
  hasStatus: true,
  columns: [nameColumn, stringColumn("State", "How far the claim is.", state), ageColumn],
  strategy: resourceClaimStrategy,
});

export const resourceClaimTemplateDefinition = defineResource(resourceClaimTemplates, {
  columns: nameAndAge,
  strategy: resourceClaimTemplateStrategy,
});

export const resourceSliceDefinition = defineResource(resourceSlices, {
  columns: [
    nameColumn,
    stringColumn("Node", "The node whose devices these are.", ({ spec }) => spec?.nodeName ?? ""),
    stringColumn("Driver", "Who offers the devices.", ({ spec }) => spec?.driver ?? ""),
    stringColumn("Pool", "The pool it is a part of.", ({ spec }) => spec?.pool?.name ?? ""),
    ageColumn,
  ],
  strategy: resourceSliceStrategy,
  selectableFields: {
    "spec.nodeName": ({ spec }) => spec?.nodeName ?? "",
    "spec.driver": ({ spec }) => spec?.driver ?? "",
  },
});
