import assert from "node:assert/strict";
import test from "node:test";
import { type AnyObject, objectKey } from "../apimachinery/meta.ts";
import { DeltaFifo } from "./delta-fifo.ts";
import { pod } from "./test-support/objects.ts";

const keyed = (...objects: AnyObject[]) => new Map(objects.map((object) => [objectKey(object), object]));
const setUp = (...known: AnyObject[]) => new DeltaFifo<AnyObject>({ known: keyed(...known) });

/** "n/a: Added 1, Updated 2" for each key, in the order of popping. */
function popAll(fifo: DeltaFifo<AnyObject>, limit = 100): string[] {
  return fifo.popBatch(limit).map(({ key, deltas }) => {
    const texts = deltas.map(
      ({ type, object, finalStateUnknown }) =>
        `${type} ${object.metadata.resourceVersion}${finalStateUnknown === true ? " unseen" : ""}`,
    );
    return `${key}: ${texts.join(", ")}`;
  });
}

for (const { name, known = [], fill, want } of [
  {
    name: "keeps keys in the order in which they first appeared, and a key's changes together",
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.add(pod("b", 1));
      fifo.add(pod("a", 2));
      fifo.update(pod("b", 3));
    },
    want: ["n/b: Added 1, Updated 3", "n/a: Added 2"],
  },
  {
    name: "compresses two deletions in a row into the one that saw the final state",
    known: [pod("a", 1)],
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.replace(keyed(), "5");
      fifo.delete(pod("a", 4));
      fifo.delete(pod("a", 4));
    },
    want: ["n/a: Deleted 4"],
  },
  {
    name: "puts what happens to an object of a list that waits behind it, in its place",
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.replace(keyed(pod("a", 1), pod("b", 2)), "2");
      fifo.update(pod("a", 3));
      fifo.delete(pod("b", 4));
      fifo.replace(keyed(pod("c", 5)), "5");
    },
    want: ["n/a: Replaced 1, Updated 3, Deleted 3 unseen", "n/b: Replaced 2, Deleted 4", "n/c: Replaced 5"],
  },
  {
    name: "keeps a deletion and the addition after it apart",
    known: [pod("a", 1)],
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.delete(pod("a", 2));
      fifo.add(pod("a", 3));
    },
    want: ["n/a: Deleted 2, Added 3"],
  },
  {
    name: "ignores the deletion of what nobody has heard of",
    fill: (fifo: DeltaFifo<AnyObject>) => fifo.delete(pod("a", 2)),
    want: [],
  },
  {
    name: "makes tombstones of what a replacement lacks, known or queued",
    known: [pod("a", 1), pod("b", 2)],
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.add(pod("c", 3));
      fifo.update(pod("b", 4));
      fifo.replace(keyed(pod("d", 9)), "9");
    },
    want: [
      "n/c: Added 3, Deleted 3 unseen",
      "n/b: Updated 4, Deleted 4 unseen",
      "n/d: Replaced 9",
      "n/a: Deleted 1 unseen",
    ],
  },
  {
    name: "makes no tombstone where the deletion was seen and waits",
    known: [pod("a", 1)],
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.delete(pod("a", 2));
      fifo.replace(keyed(), "9");
    },
    want: ["n/a: Deleted 2"],
  },
  {
    name: "resyncs what nothing else waits for",
    known: [pod("a", 1), pod("b", 2)],
    fill(fifo: DeltaFifo<AnyObject>) {
      fifo.update(pod("b", 3));
      fifo.resync();
    },
    want: ["n/b: Updated 3", "n/a: Sync 1"],
  },
]) {
  test(`the delta FIFO ${name}`, () => {
    const fifo = setUp(...known);
    fill(fifo);
    assert.deepEqual(popAll(fifo), want);
    assert.equal(fifo.size, 0);
  });
}

test("the delta FIFO has synced once the first list was popped, however late more comes", () => {
  const fifo = setUp();
  assert.equal(fifo.hasSynced, false);
  fifo.replace(keyed(pod("a", 1), pod("b", 2)), "5");
  fifo.add(pod("c", 6));
  assert.deepEqual(
    fifo.popBatch(1).map(({ isInInitialList }) => isInInitialList),
    [true],
  );
  assert.equal(fifo.hasSynced, false);
  fifo.popBatch(1);
  assert.equal(fifo.hasSynced, true);
  assert.deepEqual(
    fifo.popBatch(1).map(({ isInInitialList }) => isInInitialList),
    [false],
  );
});

test("the delta FIFO has synced at once when the first list is empty", () => {
  const fifo = setUp();
  fifo.replace(keyed(), "5");
  assert.equal(fifo.hasSynced, true);
  assert.equal(fifo.version, "5");
  fifo.bookmark("8");
  assert.equal(fifo.version, "8");
});

test("the delta FIFO transforms objects before it keeps them", () => {
  const fifo = new DeltaFifo<AnyObject>({
    known: new Map(),
    transform: (object) => ({ ...object, metadata: { ...object.metadata, resourceVersion: "x" } }),
  });
  fifo.add(pod("a", 1));
  assert.deepEqual(popAll(fifo), ["n/a: Added x"]);
});
