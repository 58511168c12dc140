import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBelow, seededRandom } from "../base/random.ts";
import { compareUtf8, SortedMap } from "./sorted-map.ts";

const keysOf = (map: SortedMap<unknown>, start = "", end?: string) => {
  const keys: string[] = [];
  map.visit(start, end, (_, key) => keys.push(key) > 0);
  return keys;
};

test("a sorted map agrees with a sorted array under random sets, deletes and ranges", () => {
  const random = seededRandom(7);
  const alphabet = ["a", "b", "/", "é", "\ud7ff", "\ue000", "\uffff", "😀", "\u{10ffff}", "z"];
  const anyKey = () =>
    Array.from(
      { length: 1 + randomBelow(random, 4) },
      () => alphabet[randomBelow(random, alphabet.length)],
    ).join("");
  const map = new SortedMap<number>();
  const model = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = anyKey();
    if (random.next() < 0.7) {
      map.set(key, step);
      model.set(key, step);
    } else assert.equal(map.delete(key), model.delete(key));
    if (step % 500 !== 0) continue;
    const sorted = [...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(keysOf(map), sorted);
    const [start, end] = [anyKey(), anyKey()];
    const within = sorted.filter((other) => compareUtf8(other, start) >= 0 && compareUtf8(other, end) < 0);
    assert.deepEqual(keysOf(map, start, end), within);
    assert.equal(map.count(start, end), within.length);
    assert.equal(map.size, model.size);
    for (const [other, value] of model) assert.equal(map.get(other), value);
  }
});

test("keys that arrive in order are visited in order across buckets", () => {
  const map = new SortedMap<number>();
  for (let index = 0; index < 3000; index++) map.set(String(index).padStart(5, "0"), index);
  assert.equal(map.count("00500", "02500"), 2000);
  const seen: number[] = [];
  map.visit("00500", "02500", (value) => seen.push(value) < 700);
  assert.deepEqual(
    seen,
    Array.from({ length: 700 }, (_, index) => 500 + index),
  );
});
