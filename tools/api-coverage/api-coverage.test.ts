import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { capabilities } from "./capabilities.ts";
import { makeApiCoverage } from "./main.ts";
import { missingByCapability } from "./missing.ts";
import { countTests, testFilesOf, unnamedTests } from "./test-files.ts";
import { readSwagger, resourceOf } from "./upstream.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A capability's tests come and go without its page being wrong: their number is that of the last writing. */
const withoutCounts = (page: string) => page.replace(/^(\| [^|]+ \| [^|]+ \|) \d+ \|/gm, "$1 … |");

describe("The page of what the API server serves", () => {
  test("is what `npm run docs:api-coverage` makes of the server as it is now", async () => {
    const made = withoutCounts(await makeApiCoverage(root, () => 0));
    const committed = withoutCounts(readFileSync(join(root, "docs/api-coverage.md"), "utf8"));
    const changed = made.split("\n").filter((line) => !committed.includes(line));
    assert.deepEqual(changed, [], "docs/api-coverage.md is out of date: run npm run docs:api-coverage");
    assert.ok(made === committed, "docs/api-coverage.md is out of date: run npm run docs:api-coverage");
  });

  test("names a place for every test file of the API server, and no place without tests", () => {
    assert.deepEqual(unnamedTests(root, capabilities), []);
    for (const { tests } of capabilities) for (const place of tests) testFilesOf(root, place);
  });

  test("counts tests as they are declared, tables expanded, without running one", () => {
    const file = "tools/api-coverage/api-coverage.test.ts";
    assert.deepEqual([...countTests(root, [file])], [[file, 7]]);
  });

  test("takes what is not there from the capability's own item, over several lines", () => {
    const page =
      "# x\n\n## API server\n\nIntroduction.\n\n- **Audit**: one\n  and two.\n- **Content**: three.\n\n## Nodes\n\n- **Y**: z\n";
    assert.deepEqual(
      [...missingByCapability(page, ["Audit", "Content"])],
      [
        ["Audit", "one and two."],
        ["Content", "three."],
      ],
    );
    assert.throws(() => missingByCapability(page, ["Audit"]), /"Content" is no capability/);
  });

  for (const { path, want } of [
    {
      path: "/apis/apps/v1/watch/namespaces/{namespace}/deployments/{name}",
      want: ["apps/v1", "deployments", ""],
    },
    { path: "/api/v1/namespaces/{namespace}/pods/{name}/proxy/{path}", want: ["v1", "pods", "proxy"] },
  ])
    test(`reads of upstream's path ${path} which resource it is about`, () => {
      const { groupVersion, plural, subresource } = resourceOf(path) ?? {};
      assert.deepEqual([groupVersion, plural, subresource], want);
    });

  test("keeps of upstream's document the methods by path and the kinds by resource", () => {
    const kind = { "x-kubernetes-group-version-kind": { kind: "Pod" } };
    assert.deepEqual(readSwagger({ paths: { "/api/v1/pods/": { get: kind, delete: {} } } }), {
      paths: { "/api/v1/pods": "get delete" },
      kinds: { "v1/pods": "Pod" },
    });
  });
});
