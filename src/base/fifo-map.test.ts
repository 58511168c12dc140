import assert from "node:assert/strict";
import test from "node:test";
import { FifoMap } from "./fifo-map.ts";
import { randomBelow, seededRandom } from "./random.ts";

test("a FIFO map behaves like a Map whose first entry is taken out, whatever is done to it", () => {
  const random = seededRandom(7);
  const model = new Map<number, number>();
  const queue = new FifoMap<number, number>();
  for (let step = 0; step < 20_000; step++) {
    const key = randomBelow(random, 50);
    const dice = random.next();
    if (dice < 0.45) {
      model.set(key, step);
      queue.set(key, step);
    } else if (dice < 0.6) {
      assert.equal(queue.delete(key), model.delete(key));
    } else {
      const [first] = model;
      if (first !== undefined) model.delete(first[0]);
      assert.deepEqual(queue.shift(), first);
    }
    assert.equal(queue.size, model.size);
    assert.equal(queue.get(key), model.get(key));
  }
  assert.deepEqual([...queue.entries()], [...model]);
});

test("a FIFO map shifts a hundred thousand times through a long queue without slowing down", () => {
  const queue = new FifoMap<number, number>();
  for (let key = 0; key < 10_000; key++) queue.set(key, 0);
  for (let key = 10_000; key < 110_000; key++) {
    queue.set(key, 0);
    assert.deepEqual(queue.shift(), [key - 10_000, 0]);
  }
  assert.equal(queue.size, 10_000);
});
