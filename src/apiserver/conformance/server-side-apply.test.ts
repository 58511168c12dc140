import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

function suite({ api, named }: Suite): void {
  const maps = (space: string) => `${space}/configmaps`;
  const apply = (
    space: string,
    fieldManager: string,
    data: object,
    query: Readonly<Record<string, string>> = {},
  ) =>
    api().send("PATCH", `${maps(space)}/applied`, {
      raw: JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data }),
      query: { fieldManager, ...query },
      headers: { "content-type": "application/apply-patch+yaml" },
    });
  const applied = async (...of: Parameters<typeof apply>) => {
    const { status, object } = await apply(...of);
    assert.ok(status < 300, JSON.stringify(object));
    return object as AnyObject;
  };

  test("Server-side apply makes, and changes nothing the second time", async () => {
    const space = await api().namespace(named("apply-again"));
    assert.equal((await apply(space, "one", { key: "value" })).status, 201);
    const again = await applied(space, "one", { key: "value" });
    const third = await applied(space, "one", { key: "value" });
    assert.equal(third.metadata.resourceVersion, again.metadata.resourceVersion);
    assert.deepEqual(third.metadata.managedFields, again.metadata.managedFields);
  });

  test("Server-side apply refuses another's field, unless by force, and removes what its manager leaves out", async () => {
    const space = await api().namespace(named("apply-conflict"));
    await applied(space, "one", { key: "1", other: "1" });
    const { status, object } = await apply(space, "two", { key: "2" });
    assert.equal(status, 409);
    assert.match(
      (object as { message: string }).message,
      /Apply failed with 1 conflict: conflict with "one": \.data\.key/,
    );
    assert.deepEqual((await applied(space, "two", { key: "2" }, { force: "true" })).data, {
      key: "2",
      other: "1",
    });
    assert.deepEqual((await applied(space, "one", {})).data, { key: "2" });
  });

  test("Server-side apply needs a manager, and a body of the object's name", async () => {
    const space = await api().namespace(named("apply-refused"));
    const { status, object } = await api().send("PATCH", `${maps(space)}/applied`, {
      raw: JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" } }),
      headers: { "content-type": "application/apply-patch+yaml" },
    });
    assert.equal(status, 422);
    assert.match(
      (object as { message: string }).message,
      /fieldManager: Required value: is required for apply patch/,
    );
  });
}

overBothTransports("Server-side apply", suite);
