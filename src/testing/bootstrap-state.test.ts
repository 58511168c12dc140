import assert from "node:assert/strict";
import { test } from "node:test";
import objects from "./bootstrap-objects.generated.json" with { type: "json" };
import { makeBootstrapObjects } from "./test-support/make-bootstrap-objects.ts";

test("What a cluster in a test finds in its store is what an API server makes at its first start", async () => {
  const made = await makeBootstrapObjects();
  assert.deepEqual(
    withoutIdentity(objects),
    withoutIdentity(made),
    "run `node tools/bootstrap-objects.ts` and commit what it writes",
  );
});

test("The same objects come of each start", async () => {
  assert.equal(JSON.stringify(await makeBootstrapObjects()), JSON.stringify(await makeBootstrapObjects()));
});

/** Which uid an object has depends on what was made before it. */
function withoutIdentity(byKey: object): object {
  return Object.fromEntries(
    Object.entries(byKey).map(([key, object]: [string, { metadata: object }]) => [
      key,
      { ...object, metadata: { ...object.metadata, uid: "" } },
    ]),
  );
}
