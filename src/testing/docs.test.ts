import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("The samples of docs/testing.md pass, in a project that has the package", async (context) => {
  const page = await readFile(join(root, "docs/testing.md"), "utf8");
  const samples = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code);
  assert.ok(samples.length >= 5);
  const project = await mkdtemp(join(tmpdir(), "k8ts-docs-"));
  context.after(() => rm(project, { recursive: true }));
  await mkdir(join(project, "node_modules"));
  await symlink(root, join(project, "node_modules/k8ts"));
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  for (const [index, code] of samples.entries()) await writeFile(join(project, `${index}.test.ts`), code);
  const env: NodeJS.ProcessEnv = { ...process.env };
  // Else the inner run reports to this one's.
  delete env.NODE_TEST_CONTEXT;
  // One process for all: what is tested is what they do.
  const flags = ["--conditions=k8ts-source", "--test", "--test-isolation=none", "--test-reporter=tap"];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: project, env }).catch(
    (error: { stdout: string }) => assert.fail(error.stdout),
  );
  const tests = page.match(/^test\(/gm) ?? [];
  assert.match(stdout, new RegExp(`^# pass ${tests.length}$`, "m"));
});
