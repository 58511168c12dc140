import assert from "node:assert/strict";
import { test } from "node:test";
import { podStrategy } from "./pod-strategy.ts";
import type { Pod } from "./types.generated.ts";

const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u" };
const pod = (metadata: Partial<Pod["metadata"]>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", ...metadata },
  spec: { containers: [{ name: "c", image: "i" }] },
});

for (const { name, before, written } of [
  { name: "add an owner", before: {}, written: { ownerReferences: [owner] } },
  { name: "take one away", before: { ownerReferences: [owner] }, written: {} },
]) {
  test(`A status write cannot ${name}`, () => {
    const { metadata } = podStrategy.prepareForStatusUpdate?.(pod(written), pod(before)) ?? pod({});
    assert.deepEqual(metadata, { name: "p", ...before });
  });
}
