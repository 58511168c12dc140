import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { archiveImageNames } from "./archive-names.ts";
import { buildImage, imageArchive } from "./oci-image.ts";
import { pauseImage, pauseImageName } from "./pause-image.ts";
import { pauseProgram } from "./pause-program.ts";
import { type TarEntry, tarArchive } from "./tar.ts";

const run = promisify(execFile);

async function scratch(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-images-"));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("a tar archive is what tar unpacks: files, modes, links and long names", async (context) => {
  const directory = await scratch(context);
  const long = `${"deep/".repeat(40)}file with a long name`;
  const entries: TarEntry[] = [
    { type: "directory", path: "bin" },
    { type: "file", path: "bin/tool", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
    { type: "symlink", path: "bin/alias", target: "tool" },
    { type: "hardlink", path: "bin/same", target: "bin/tool" },
    { type: "file", path: long, content: Buffer.alloc(1025, "x") },
    { type: "symlink", path: "far", target: `/${long}` },
  ];
  await writeFile(join(directory, "a.tar"), tarArchive(entries));
  await run("tar", ["-xf", join(directory, "a.tar"), "-C", directory]);
  assert.equal((await stat(join(directory, "bin/tool"))).mode & 0o777, 0o755);
  assert.equal(await readlink(join(directory, "bin/alias")), "tool");
  assert.equal((await stat(join(directory, "bin/same"))).nlink, 2);
  assert.equal((await readFile(join(directory, long), "utf8")).length, 1025);
  assert.equal(await readlink(join(directory, "far")), `/${long}`);
});

const tool = () =>
  buildImage({
    name: "k8ts.local/tool:2",
    architecture: "amd64",
    process: { entrypoint: ["/tool"], user: "1000", exposedPorts: ["80/tcp"] },
    layers: [[{ type: "file", path: "tool", mode: 0o755, content: Buffer.from("tool") }]],
  });

test("the same files make the same image", () => {
  assert.equal(tool().manifest.digest, tool().manifest.digest);
  assert.deepEqual(imageArchive([tool()]), imageArchive([tool()]));
});

test("an image's manifest names blobs of their own size and digest", () => {
  const { manifest, config, layers } = tool();
  const parsed = JSON.parse(Buffer.from(manifest.content).toString());
  assert.deepEqual([parsed.config.digest, parsed.config.size], [config.digest, config.content.length]);
  assert.equal(parsed.layers[0].digest, layers[0]?.digest);
  const { rootfs, config: settings } = JSON.parse(Buffer.from(config.content).toString());
  assert.deepEqual(rootfs.diff_ids, [layers[0]?.digest]);
  assert.deepEqual([settings.User, settings.ExposedPorts], ["1000", { "80/tcp": {} }]);
});

for (const { name, archive, want } of [
  {
    name: "an OCI layout",
    archive: () => imageArchive([tool(), pauseImage("amd64")]),
    want: ["k8ts.local/tool:2", pauseImageName],
  },
  {
    name: "a docker archive",
    archive: () =>
      tarArchive([
        { type: "file", path: "layer.tar", content: new Uint8Array(3000) },
        {
          type: "file",
          path: "manifest.json",
          content: Buffer.from('[{"RepoTags":["busybox:1","busybox:2"]}]'),
        },
      ]),
    want: ["busybox:1", "busybox:2"],
  },
  {
    name: "an archive of something else",
    archive: () => tarArchive([{ type: "file", path: "README", content: Buffer.from("hello") }]),
    want: [],
  },
]) {
  test(`the image names in ${name} are found`, async (context) => {
    const path = join(await scratch(context), "images.tar");
    await writeFile(path, archive());
    assert.deepEqual(await archiveImageNames(path), want);
  });
}

const notHere = process.platform === "linux" && process.arch === "x64" ? false : "needs Linux on x86-64";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`the pause program waits until ${signal}, then exits with 0`, { skip: notHere }, async (context) => {
    const path = join(await scratch(context), "pause");
    await writeFile(path, pauseProgram("amd64"), { mode: 0o755 });
    const child = spawn(path);
    const ended = once(child, "exit");
    await once(child, "spawn");
    // Its handlers are set: signals 2 and 15 in the mask of those that are caught.
    while (!/^SigCgt:\s*0*4002$/m.test(await readFile(`/proc/${child.pid}/status`, "utf8"))) await pause(1);
    const { promise: late, resolve } = Promise.withResolvers<readonly unknown[]>();
    const timer = setTimeout(() => resolve(["late"]), 5000);
    child.kill(signal);
    assert.deepEqual(await Promise.race([ended, late]), [0, null]);
    clearTimeout(timer);
  });
}

test("the pause program is a few hundred bytes for either architecture", () => {
  for (const architecture of ["amd64", "arm64"] as const) {
    const program = pauseProgram(architecture);
    assert.ok(program.length < 512);
    assert.equal(Buffer.from(program.subarray(0, 4)).toString("latin1"), "\x7fELF");
  }
});
