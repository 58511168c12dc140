import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import {
  configMaps,
  type HostileRequest,
  jsonBodies,
  protobufBodies,
  yamlBodies,
} from "./test-support/bodies.ts";
import { Bystander, memoryInUse } from "./test-support/bystander.ts";
import { headerRequests, patchRequests, pathRequests, queryRequests } from "./test-support/requests.ts";

/** What one hostile request may cost everybody else; a shared machine's pauses are within it. */
const maxDelayMs = 1_500;
const maxGrowthBytes = 64 * 1024 * 1024;

let target: TestListener;
let bytesBefore: number;
before(async () => {
  target = await startTestListener({ edge: { requestTimeoutMs: 10_000 } });
  const data = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, "v"]));
  const long = { metadata: { name: "long" }, data };
  const answer = await target.send("POST", configMaps, {
    body: JSON.stringify(long),
    headers: { "content-type": "application/json" },
  });
  assert.equal(answer.status, 201);
  bytesBefore = await memoryInUse();
});
after(() => target.close());

const groups: Readonly<Record<string, readonly HostileRequest[]>> = {
  "JSON bodies": jsonBodies,
  "YAML bodies": yamlBodies,
  "protobuf bodies": protobufBodies,
  patches: patchRequests,
  queries: queryRequests,
  paths: pathRequests,
  headers: headerRequests,
};

for (const [group, requests] of Object.entries(groups)) {
  describe(`hostile ${group}`, () => {
    let bystander: Bystander;
    before(() => {
      bystander = new Bystander(target, "/readyz/ping");
    });
    after(async () => {
      const { longestMs, answers } = await bystander.stop();
      assert.ok(answers > 0);
      assert.ok(longestMs < maxDelayMs, `a bystander waited ${longestMs} ms`);
    });
    for (const { name, method, path, contentType, headers, body, want } of requests)
      test(name, async () => {
        const answer = await target.send(method, path, {
          headers: { ...headers, ...(contentType === undefined ? {} : { "content-type": contentType }) },
          ...(body === undefined ? {} : { body }),
        });
        assert.ok(want.includes(answer.status), `${answer.status}: ${answer.text.slice(0, 500)}`);
        if (answer.status < 400) return;
        // Where nothing is routed, as upstream: a page.
        if (answer.status === 404 && answer.text === "404 page not found\n") return;
        const status = JSON.parse(answer.text) as Status;
        assert.equal(status.kind, "Status");
        assert.equal(status.code, answer.status);
        assert.notEqual(status.message, "");
        assert.ok(answer.text.length < 20_000_000);
      });
  });
}

test("nothing of it stays behind: no prototype is changed, no memory kept", async () => {
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.deepEqual(Object.keys(Object.prototype), []);
  const growth = (await memoryInUse()) - bytesBefore;
  assert.ok(growth < maxGrowthBytes, `${Math.round(growth / 2 ** 20)} MiB more than before`);
});
