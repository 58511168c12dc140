import { isJsonObject } from "./json-value.ts";

/**
 * Puts the items of a merged list in their order: those the patch speaks of as the patch has them, the others as they
 * were; an item that only the server has comes before the first of the patch's items that it preceded before.
 */
export function inListOrder(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string | undefined,
): unknown[] {
  const keyOf = (item: unknown) => (mergeKey !== undefined && isJsonObject(item) ? item[mergeKey] : item);
  const inPatch = positions(patchOrder, keyOf);
  const onServer = positions(serverOrder, keyOf);
  const serverPosition = (item: unknown) => onServer.get(keyOf(item));
  const patchItems = merged
    .filter((item) => inPatch.has(keyOf(item)))
    .toSorted((left, right) => (inPatch.get(keyOf(left)) ?? 0) - (inPatch.get(keyOf(right)) ?? 0));
  const serverItems = merged
    .filter((item) => !inPatch.has(keyOf(item)))
    .toSorted((left, right) => (serverPosition(left) ?? 0) - (serverPosition(right) ?? 0));
  const result: unknown[] = [];
  let next = 0;
  for (const item of patchItems) {
    const position = serverPosition(item);
    while (next < serverItems.length && position !== undefined) {
      const candidate = serverPosition(serverItems[next]);
      if (candidate === undefined || candidate >= position) break;
      result.push(serverItems[next++]);
    }
    result.push(item);
  }
  return [...result, ...serverItems.slice(next)];
}

function positions(list: readonly unknown[], keyOf: (item: unknown) => unknown): Map<unknown, number> {
  const result = new Map<unknown, number>();
  for (const [index, item] of list.entries()) if (!result.has(keyOf(item))) result.set(keyOf(item), index);
  return result;
}
