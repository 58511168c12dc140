import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { mapField, mapItems } from "../fill.ts";
import { limitRanges } from "../resources.generated.ts";
import { validateLimitRange } from "./quota-validation.ts";
import { roundResourceList } from "./resource-defaults.ts";
import type { LimitRange, LimitRangeItem } from "./types.generated.ts";

function defaultLimitRange(object: LimitRange): LimitRange {
  return mapField(object, "spec", (spec) =>
    mapField(spec, "limits", (limits) => mapItems(limits, defaultItem)),
  );
}

/** Limits of containers: the default is the most, what is requested by default is the default, else the least. */
function defaultItem(item: LimitRangeItem): LimitRangeItem {
  let rounded = item;
  for (const name of ["min", "max", "default", "defaultRequest", "maxLimitRequestRatio"] as const)
    rounded = mapField(rounded, name, roundResourceList);
  if (rounded.type !== "Container") return rounded;
  const limit = { ...rounded.max, ...rounded.default };
  const request = { ...rounded.min, ...limit, ...rounded.defaultRequest };
  return { ...rounded, default: limit, defaultRequest: request };
}

export const limitRangeDefinition = defineResource(limitRanges, {
  shortNames: ["limits"],
  columns: plainColumns,
  strategy: {
    createOnUpdate: true,
    generationFields: [],
    defaults: defaultLimitRange,
    validate: validateLimitRange,
    validateUpdate: validateLimitRange,
  },
});
