import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { bundle } from "../tools/bundle.ts";

/**
 * `k8ts/testing` under the runners that people have, as npm installs it: the built package in another project. Vitest and Jest are
 * no dependencies of this one: they are fetched once, into the cache of node_modules, where a registry answers.
 */

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, "node_modules/.cache/k8ts-test-runners");
const timeoutMs = 120_000;

const deployment = `{
  apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "default" },
  spec: {
    replicas: 3, selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a", image: "a:1" }] } },
  },
}`;

/** The same in each: a rollout, time, an error as the runner's matchers see it, nothing left open. */
const body = `
    await using cluster = await startCluster({ nodes: 2 });
    const web = { namespace: "default", name: "web" };
    await cluster.client.create(resources.deployments, ${deployment});
    await cluster.until(async () => (await cluster.client.get(resources.deployments, web)).status?.readyReplicas === 3);
    const beforeMs = cluster.clock.now();
    await cluster.advance("10m");
    same(cluster.clock.now() - beforeMs, 600_000);
    const error = await cluster.client.get(resources.pods, web).catch((reason) => reason);
    same([error instanceof ApiError, error instanceof Error, error.reason], [true, true, "NotFound"]);
    const { metadata, spec } = await cluster.client.get(resources.deployments, web);
    same([metadata.labels, spec.selector], [undefined, { matchLabels: { app: "web" } }]);
`;
const imports = `import { ApiError, resources } from "k8ts/client";\nimport { startCluster } from "k8ts/testing";\n`;

const files: Readonly<Record<string, string>> = {
  "package.json": '{ "private": true, "type": "module" }',
  "node.test.mjs": `import assert from "node:assert/strict";\nimport { test } from "node:test";\n${imports}
    const same = assert.deepEqual;\n test("a rollout", async () => {${body}});`,
  "common.test.cjs": `const assert = require("node:assert/strict");\nconst { test } = require("node:test");
    const { ApiError, resources } = require("k8ts/client");\n const { startCluster } = require("k8ts/testing");
    const same = assert.deepEqual;\n test("a rollout", async () => {${body}});`,
  "vitest.spec.mjs": `import { expect, test, vi } from "vitest";\n${imports}
    const same = (actual, expected) => expect(actual).toEqual(expected);
    test("a rollout", async () => {${body}});
    test("a rollout under fake timers", async () => { vi.useFakeTimers(); try {${body}} finally { vi.useRealTimers(); } });`,
  "jest.check.mjs": `import { expect, jest, test } from "@jest/globals";\n${imports}
    const same = (actual, expected) => expect(actual).toEqual(expected);
    test("a rollout", async () => {${body}});
    test("a rollout under fake timers", async () => { jest.useFakeTimers(); try {${body}} finally { jest.useRealTimers(); } });`,
  "vitest.config.mjs": `export default { test: { include: ["vitest.spec.mjs"] } };`,
  "jest.config.mjs": `export default { testMatch: ["**/jest.check.mjs"], transform: {}, cacheDirectory: ".jest" };`,
};

describe("k8ts/testing", () => {
  let missing: string | undefined;
  let project: string;
  const node = (...words: string[]) => runNode(project, words);

  before(async () => {
    // Jest finds no tests below a node_modules.
    project = mkdtempSync(join(tmpdir(), "k8ts-test-runners-"));
    mkdirSync(join(cache, "node_modules"), { recursive: true });
    symlinkSync(join(cache, "node_modules"), join(project, "node_modules"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
    missing = await fetchRunners();
    const installed = join(cache, "node_modules/k8ts");
    rmSync(installed, { recursive: true, force: true });
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, "package.json"), join(installed, "package.json"));
    symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
    await bundle(join(installed, "dist"));
  });

  after(() => rmSync(project, { recursive: true, force: true }));

  test("runs under node:test, from ES modules and from CommonJS", async () => {
    const output = await node("--test", "node.test.mjs", "common.test.cjs");
    assert.match(output, /pass 2\n/);
  });

  for (const pool of ["forks", "threads"])
    test(`runs under Vitest, pool ${pool}`, async (context) => {
      if (missing !== undefined) return context.skip(missing);
      const output = await node("node_modules/vitest/vitest.mjs", "run", `--pool=${pool}`);
      assert.match(output, /Tests +2 passed/);
    });

  test("runs under Jest with its ES modules switched on", async (context) => {
    if (missing !== undefined) return context.skip(missing);
    const output = await node(
      "--experimental-vm-modules",
      "node_modules/jest/bin/jest.js",
      "--detectOpenHandles",
    );
    assert.match(output, /Tests: +2 passed/);
    assert.doesNotMatch(output, /open handle/);
  });
});

/** Why there are none, where they cannot be had. */
async function fetchRunners(): Promise<string | undefined> {
  if (
    ["vitest/vitest.mjs", "jest/bin/jest.js"].every((file) => existsSync(join(cache, "node_modules", file)))
  )
    return undefined;
  writeFileSync(join(cache, "package.json"), '{ "private": true }');
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"];
  try {
    await run("npm", ["install", ...flags, "vitest@5", "jest@30"], { cwd: cache, timeout: timeoutMs });
    return undefined;
  } catch (error) {
    return `Vitest and Jest cannot be fetched: ${(error as Error).message.split("\n")[0]}`;
  }
}

/** What it prints on both channels, without colours. Rejects when it fails. */
async function runNode(project: string, words: readonly string[]): Promise<string> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1" };
  // Else a node:test within a node:test reports to the outer one.
  delete env.NODE_TEST_CONTEXT;
  const { stdout, stderr } = await run(process.execPath, [...words], {
    cwd: project,
    env,
    timeout: timeoutMs,
  });
  return stdout + stderr;
}
