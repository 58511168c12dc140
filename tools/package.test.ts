import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Prints what the import took of a processor, in ms, and every module that was loaded for it. */
const probe = `
import { registerHooks } from "node:module";
const urls = [];
registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
const before = process.threadCpuUsage();
await import("k8ts/client");
const { user, system } = process.threadCpuUsage(before);
console.log(JSON.stringify({ ms: (user + system) / 1000, urls }));
`;

/** As npm installs it: the built package in another project's node_modules, with nothing beside it. */
describe("The package", () => {
  let project: string;
  const node = (...words: string[]) =>
    execFileSync(process.execPath, words, {
      cwd: project,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  before(() => {
    project = mkdtempSync(join(tmpdir(), "k8ts-package-"));
    const installed = join(project, "node_modules/k8ts");
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, "package.json"), join(installed, "package.json"));
    const compiler = join(root, "node_modules/.bin/tsc");
    execFileSync(compiler, ["-p", join(root, "tsconfig.build.json"), "--outDir", join(installed, "dist")]);
    writeFileSync(join(project, "package.json"), '{"type":"module"}');
    writeFileSync(join(project, "probe.js"), probe);
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  test("gives k8ts/client in under 60 ms of a processor, without a dependency, a built-in module or anything of the server", () => {
    const runs = Array.from(
      { length: 5 },
      () => JSON.parse(node("probe.js")) as { ms: number; urls: string[] },
    );
    const urls = runs[0]?.urls ?? [];
    assert.ok(urls.length > 10, "the modules are seen");
    const allowed = /\/node_modules\/k8ts\/dist\/(base|apimachinery|api|client)\//;
    assert.deepEqual(
      urls.filter((url) => !allowed.test(url)),
      [],
    );
    // The quickest: the others say how busy the machine's caches are.
    const ms = Math.min(...runs.map((run) => run.ms));
    assert.ok(ms < 60, `${ms.toFixed(0)} ms`);
  });

  test("has declarations that compile whole with the types of Node and nothing else", () => {
    const modules = join(project, "node_modules");
    mkdirSync(join(modules, "@types"), { recursive: true });
    // prom-client is a dependency, and brings its own types.
    for (const name of ["@types/node", "undici-types", "prom-client"])
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    writeFileSync(
      join(project, "user.ts"),
      `import { connect, nameOf, resources, runInPod } from "k8ts/client";
       import { startCluster } from "k8ts/testing";
       const { client } = await connect();
       await using cluster = await startCluster();
       await runInPod(cluster, nameOf(await client.get(resources.pods, { namespace: "a", name: "b" })), { command: [] });`,
    );
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "false"];
    const language = ["--target", "esnext", "--module", "nodenext", "--types", "node", "--preserveSymlinks"];
    node(join(root, "node_modules/typescript/bin/tsc"), ...flags, ...language, "user.ts");
  });

  test("runs the example operator's code as it stands in the repository", () => {
    cpSync(join(root, "examples/operator"), join(project, "operator"), { recursive: true });
    const script = `
      const { websiteController } = await import("./operator/controller.ts");
      console.log(websiteController.name, import.meta.resolve("k8ts/client").endsWith("/dist/client/index.js"));
    `;
    assert.equal(node("--input-type=module", "-e", script).trim(), "website true");
  });
});
