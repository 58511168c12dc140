import { formatQuantity, parseQuantity, scaledTo } from "../../apimachinery/quantity.ts";
import { mapField } from "../fill.ts";
import type { ResourceList } from "./pod-resources.ts";
import type { ResourceRequirements } from "./types.generated.ts";

const milli = -3;

/** Amounts finer than a thousandth are rounded up to one, as the first versions of the API did. */
export function roundResourceList(list: ResourceList): ResourceList {
  let rounded: Record<string, string> | undefined;
  for (const name in list) {
    const text = list[name];
    // Only fractions and the suffixes n and u can be that fine.
    if (text === undefined || !/[.nue]/.test(text)) continue;
    const quantity = parseQuantity(text);
    if (quantity.scale >= milli) continue;
    const up = { unscaled: scaledTo(quantity, milli), scale: milli, format: quantity.format };
    rounded ??= { ...list };
    rounded[name] = formatQuantity(up);
  }
  return rounded ?? list;
}

export function roundRequirements<T extends Pick<ResourceRequirements, "limits" | "requests">>(
  resources: T,
): T {
  return mapField(mapField(resources, "limits", roundResourceList), "requests", roundResourceList);
}

/** Requests where only limits are given: as much as the limit. */
export function requestLimits(resources: ResourceRequirements): ResourceRequirements {
  const { limits, requests } = resources;
  if (limits === undefined) return resources;
  const missing = Object.keys(limits).filter((name) => requests?.[name] === undefined);
  if (missing.length === 0) return resources;
  return { ...resources, requests: { ...limits, ...requests } };
}
