import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { linuxFiles } from "./linux-files.ts";

const file = (text: string, mode = 0o644) => ({ bytes: Buffer.from(text), mode });

async function inTemporary(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-files-"));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test("An atomic write shows the new files and none of the old", () =>
  inTemporary(async (directory) => {
    assert.equal(
      await linuxFiles.writeAtomically(
        directory,
        new Map([
          ["a", file("1")],
          ["sub/b", file("2", 0o400)],
        ]),
      ),
      true,
    );
    assert.equal(await readFile(join(directory, "sub/b"), "utf8"), "2");
    assert.equal((await stat(join(directory, "sub/b"))).mode & 0o777, 0o400);
    const before = await readlink(join(directory, "..data"));
    assert.equal(await linuxFiles.writeAtomically(directory, new Map([["a", file("3")]])), true);
    assert.equal(await readFile(join(directory, "a"), "utf8"), "3");
    const visible = (await readdir(directory)).filter((name) => !name.startsWith(".."));
    assert.deepEqual(visible, ["a"]);
    assert.notEqual(await readlink(join(directory, "..data")), before);
    assert.equal((await readdir(directory)).length, 3);
  }));

test("An atomic write of what is there already changes nothing", () =>
  inTemporary(async (directory) => {
    await linuxFiles.writeAtomically(directory, new Map([["a", file("1")]]));
    const before = await readlink(join(directory, "..data"));
    assert.equal(await linuxFiles.writeAtomically(directory, new Map([["a", file("1")]])), false);
    assert.equal(await readlink(join(directory, "..data")), before);
  }));

test("An atomic write refuses paths that lead out of the volume", () =>
  inTemporary(async (directory) => {
    await assert.rejects(linuxFiles.writeAtomically(directory, new Map([["../x", file("1")]])), /leads out/);
  }));

test("A subPath is made where it is missing and never leaves the volume", () =>
  inTemporary(async (directory) => {
    await linuxFiles.makeDirectory(join(directory, "volume"));
    const made = await linuxFiles.resolveSubPath(join(directory, "volume"), "a/b");
    assert.equal(await linuxFiles.pathType(made), "directory");
    await symlink("/etc", join(directory, "volume/out"));
    await assert.rejects(linuxFiles.resolveSubPath(join(directory, "volume"), "out/ssh"), /leads out/);
  }));

test("The tail of a file is read, a link is not followed", () =>
  inTemporary(async (directory) => {
    await linuxFiles.writeFile(join(directory, "log"), "0123456789");
    assert.equal(await linuxFiles.readTail(join(directory, "log"), 4), "6789");
    await symlink(join(directory, "log"), join(directory, "link"));
    assert.equal(await linuxFiles.readTail(join(directory, "link"), 4), undefined);
    assert.equal(await linuxFiles.readTail(join(directory, "none"), 4), undefined);
  }));
