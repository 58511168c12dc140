import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundle } from "./bundle.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Prints what importing the first word took of a processor, in ms, and every module that was loaded for it and for the second word. */
const probe = `
import { registerHooks } from "node:module";
const [specifier, afterwards = ""] = process.argv.slice(2);
const urls = [];
registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
const before = process.threadCpuUsage();
const imported = await import(specifier);
const { user, system } = process.threadCpuUsage(before);
if (afterwards !== "") await (await imported[afterwards]()).close();
console.log(JSON.stringify({ ms: (user + system) / 1000, urls }));
`;

/** As npm installs it: the built package in another project's node_modules, with nothing beside it. */
describe("The package", () => {
  let project: string;
  let installed: string;
  /** The sources in each built file. */
  let sources: ReadonlyMap<string, readonly string[]>;
  const node = (...words: string[]) =>
    execFileSync(process.execPath, words, {
      cwd: project,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });

  const probed = (...words: string[]) =>
    JSON.parse(node("probe.js", ...words)) as { ms: number; urls: string[] };
  /** Their names in `src`; those that are no part of the package as they are. */
  const sourcesOf = (urls: readonly string[]) => {
    const built = pathToFileURL(join(installed, "dist/")).href;
    return urls.flatMap((url) => {
      const file = url.startsWith(built) ? sources.get(url.slice(built.length)) : undefined;
      // The bundler's own few lines are not of a source.
      return (
        file?.map((path) => relative(join(root, "src"), path)).filter((name) => !name.includes("\0")) ?? [url]
      );
    });
  };

  before(async () => {
    project = realpathSync(mkdtempSync(join(tmpdir(), "k8ts-package-")));
    installed = join(project, "node_modules/k8ts");
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, "package.json"), join(installed, "package.json"));
    sources = await bundle(join(installed, "dist"));
    const compiler = join(root, "node_modules/.bin/tsc");
    execFileSync(compiler, [
      "-p",
      join(root, "tsconfig.build.json"),
      "--outDir",
      join(installed, "dist/types"),
    ]);
    writeFileSync(join(project, "package.json"), '{"type":"module"}');
    writeFileSync(join(project, "probe.js"), probe);
  });
  after(() => rmSync(project, { recursive: true, force: true }));

  test("gives k8ts/client in under 60 ms of a processor, without a dependency, a built-in module or anything of the server", () => {
    const runs = Array.from({ length: 5 }, () => probed("k8ts/client"));
    const names = sourcesOf(runs[0]?.urls ?? []);
    assert.ok(names.length > 10, "the modules are seen");
    assert.deepEqual(
      names.filter((name) => !/^(base|apimachinery|api|client)\//.test(name)),
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

  test("gives k8ts/testing and a first cluster in few files, without a dependency, a built-in module of the network or what only a real node, a disk or the unusual needs", () => {
    const { urls } = probed("k8ts/testing", "startCluster");
    const names = sourcesOf(urls);
    assert.ok(names.includes("scheduler/main.ts"), "what is loaded in the background is seen");
    assert.ok(urls.length < 150, `${names.length} sources in ${urls.length} files`);
    const outside =
      /^(file:|node:(http|https|http2|tls|sqlite|child_process)$|(client\/transport|storage\/(sqlite|etcd)|network|proxy|dns)\/)/;
    assert.deepEqual(
      names.filter((name) => outside.test(name)),
      [],
    );
  });

  test("names only files that it has", () => {
    for (const file of sources.keys())
      for (const [, name = ""] of readFileSync(join(installed, "dist", file), "utf8").matchAll(
        /"\.\/([^"/]+\.js)"/g,
      ))
        assert.ok(sources.has(name), `${file}: ${name}`);
  });

  test("runs the example operator's code as it stands in the repository", () => {
    cpSync(join(root, "examples/operator"), join(project, "operator"), { recursive: true });
    const script = `
      const { websiteController } = await import("./operator/controller.ts");
      console.log(websiteController.name, import.meta.resolve("k8ts/client").endsWith("/dist/client.js"));
    `;
    assert.equal(node("--input-type=module", "-e", script).trim(), "website true");
  });
});
