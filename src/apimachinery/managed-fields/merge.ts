import { below, isMember, type MaybeSet } from "./field-set.ts";
import { formOf, indexItems, isEmptyForm, itemElement, itemsOf, mapOf } from "./form.ts";
import { childType, type ListType, type MergeType, untypedType } from "./merge-type.ts";
import { fieldElement } from "./path-element.ts";

/** The live value with a configuration laid over it. The configuration's lists have no repeated items. */
export function merge(type: MergeType, live: unknown, applied: unknown): unknown {
  if (applied === undefined) return live;
  if (live === undefined || live === applied) return applied;
  const left = formOf(type, live);
  const right = formOf(type, applied);
  if (right.kind === "leaf" || left.kind !== right.kind) return applied;
  if (isEmptyForm(live) && isEmptyForm(applied)) return applied;
  if (right.kind === "list") return mergeLists(right.type, itemsOf(live), itemsOf(applied));
  const merged: Record<string, unknown> = { ...mapOf(live) };
  for (const [name, value] of Object.entries(mapOf(applied))) {
    const existing = Object.hasOwn(merged, name) ? merged[name] : undefined;
    merged[name] = merge(childType(type, name) ?? untypedType, existing, value);
  }
  return merged;
}

/**
 * Items that both have come in the configuration's order; what only the live list has stays in front of what it was in
 * front of. As structured-merge-diff does it, because the order shows.
 */
function mergeLists(type: ListType, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const left = live.map((item) => itemElement(type, item));
  const right = applied.map((item) => itemElement(type, item));
  const liveItems = indexItems(type, live);
  const appliedItems = indexItems(type, applied);
  const merged: unknown[] = [];
  const taken = new Set<string>();
  const take = (element: string) => {
    taken.add(element);
    const before = liveItems.get(element) ?? [];
    // A live item that is repeated is replaced: none of the copies is the one that was meant.
    merged.push(merge(type.item, before.length > 1 ? undefined : before[0], appliedItems.get(element)?.[0]));
  };
  const shared = right.filter((element) => liveItems.has(element));
  let nextShared = shared.shift();
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const ours = left[l];
    const theirs = right[r];
    if (ours !== undefined && theirs !== undefined) {
      if (ours === theirs) {
        take(ours);
        l++;
        r++;
        nextShared = shared.shift();
        continue;
      }
      if (appliedItems.has(ours) && nextShared !== undefined && nextShared !== ours) {
        // Its turn comes where the configuration has it.
        l++;
        continue;
      }
    }
    if (ours !== undefined) {
      if (!appliedItems.has(ours)) {
        merged.push(live[l]);
        l++;
        continue;
      }
      if (taken.has(ours)) l++;
    }
    if (theirs !== undefined) {
      take(theirs);
      r++;
      if (nextShared === theirs) nextShared = shared.shift();
    }
  }
  return merged;
}

/** The value without the paths of the set and all below them; undefined when nothing is left of a map or list. */
export function removeItems(type: MergeType, value: unknown, set: MaybeSet): unknown {
  if (set === undefined) return value;
  const form = formOf(type, value);
  if (form.kind === "leaf") return value;
  if (isEmptyForm(value)) return undefined;
  if (form.kind === "list") {
    const kept = itemsOf(value).flatMap((item) => {
      const after = removeFrom(form.type.item, item, below(set, itemElement(form.type, item)));
      return after === removed ? [] : [after];
    });
    return kept.length === 0 ? undefined : kept;
  }
  const kept: Record<string, unknown> = {};
  let isEmpty = true;
  for (const [name, child] of Object.entries(mapOf(value))) {
    const after = removeFrom(childType(type, name) ?? untypedType, child, below(set, fieldElement(name)));
    if (after === removed) continue;
    isEmpty = false;
    // Upstream writes null for what has become empty; a decoder takes both the same way.
    kept[name] = after ?? null;
  }
  return isEmpty ? undefined : kept;
}

const removed = Symbol("removed");

function removeFrom(type: MergeType, value: unknown, set: MaybeSet): unknown {
  if (set === undefined) return value;
  return isMember(set) ? removed : removeItems(type, value, set);
}
