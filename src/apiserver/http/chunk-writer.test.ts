import assert from "node:assert/strict";
import { test } from "node:test";
import { schemas } from "../../api/schemas.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { ByteBudget } from "../cache/byte-budget.ts";
import { CachedObject } from "../cache/cached-object.ts";
import { ChunkWriter, type Piece } from "./chunk-writer.ts";
import { protobufFrame, protobufListPieces } from "./encode.ts";

const codec = createProtobufCodec(schemas);
const chunkBytes = 300;

function cachedMaps(count: number, budget: ByteBudget): AnyObject[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `map-${index}`;
    const data = { text: `${index % 10}`.repeat(50 + 17 * index) };
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
    return new CachedObject(name, index + 1, object, { frameType: "ADDED", budget }).object;
  });
}

/** All of several answers, which take turns after each piece, in chunks whose memory is given back at once. */
function inTurns(answers: readonly Iterable<Piece>[], options: { framed?: boolean } = {}): Buffer[] {
  const writers = answers.map((pieces) => ({
    writer: new ChunkWriter(pieces, chunkBytes, options),
    sent: [] as Buffer[],
  }));
  while (writers.some(({ writer }) => !writer.ended))
    for (const { writer, sent } of writers) {
      if (writer.ended) continue;
      writer.fill(() => false);
      if (!writer.full && !writer.ended) continue;
      const chunk = writer.take();
      sent.push(Buffer.from(chunk));
      writer.release(chunk);
    }
  return writers.map(({ sent }) => Buffer.concat(sent));
}

for (const { name, budgetBytes } of [
  { name: "kept", budgetBytes: 1_000_000 },
  { name: "not kept", budgetBytes: 0 },
  { name: "kept for some", budgetBytes: 4000 },
]) {
  test(`lists in protobuf that are encoded in turns do not take each other's bytes, where messages are ${name}`, () => {
    const head = { apiVersion: "v1", kind: "ConfigMapList", metadata: { resourceVersion: "9" } };
    const lists = [6, 9, 4].map((count) => cachedMaps(count, new ByteBudget(budgetBytes)));
    const show = (object: object) => object;
    const answers = inTurns(
      lists.map((sources) => protobufListPieces({ head, field: "items", sources, show }, codec)),
    );
    assert.deepEqual(
      answers.map((bytes) => new Uint8Array(bytes)),
      lists.map((items) => new Uint8Array(codec.encode({ ...head, items }))),
    );
  });

  test(`frames in protobuf that are encoded in turns do not take each other's bytes, where messages are ${name}`, () => {
    const watches = [5, 8].map((count) => cachedMaps(count, new ByteBudget(budgetBytes)));
    function* frames(objects: readonly AnyObject[]): Generator<Piece> {
      for (const object of objects)
        yield* protobufFrame({ type: "ADDED", object }, codec, { asListed: true });
    }
    const want = watches.map((objects) =>
      Buffer.concat(
        objects.flatMap((object) => {
          const message = codec.encodeMessage(object);
          const { start, end } = codec.encodeWatchEventAround("ADDED", object, message.length);
          return [start, message, end];
        }),
      ),
    );
    assert.deepEqual(inTurns(watches.map(frames)), want);
  });
}

test("a first chunk that grows holds what was in it before", () => {
  const text = Array.from({ length: 4000 }, (_, index) => `line ${index} größe 📦\n`);
  const writer = new ChunkWriter(text, 128 * 1024);
  while (!writer.ended) writer.fill(() => true);
  assert.equal(Buffer.from(writer.take()).toString(), text.join(""));
});

test("a chunk that was not given back is nobody else's memory", () => {
  const bytes = Array.from({ length: 6 }, (_, index) => Buffer.alloc(chunkBytes, 97 + index));
  const writer = new ChunkWriter(bytes, chunkBytes, { framed: true });
  const chunks: Uint8Array[] = [];
  while (!writer.ended) {
    writer.fill(() => true);
    const chunk = writer.take();
    if (chunk.length > 0) chunks.push(chunk);
    if (chunks.length === 2) writer.release(chunk);
  }
  const letters = chunks.map((chunk) => String.fromCharCode(chunk[10] ?? 0));
  // The memory of the second is the third's; all others keep theirs.
  assert.deepEqual(letters, ["a", "c", "c", "d", "e", "f"]);
});
