import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { anchorsOf } from "./reference/anchors.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
    .map((file) => join(folder, file));
}

const pages = ["README.md", ...pagesBelow("docs"), ...pagesBelow("examples")];

/** The targets of a page's links to this repository; code is no link. */
function linksOf(page: string): string[] {
  const prose = page.replace(/^```[\s\S]*?^```$/gm, "").replace(/(?<!\[)`[^`\n]*`(?!\])/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function faultOf(page: string, link: string): string | undefined {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, target))) return `${page}: ${link}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith(".md") || anchorsOf(read(target)).has(anchor))
    return undefined;
  return `${page}: ${link}: ${target} has no such heading`;
}

/** Every command line flag of `k8ts` and its commands. */
function flagsOf(...command: readonly string[]): string[] {
  const help = execFileSync(join(root, "bin/k8ts"), [...command, "--help"], { encoding: "utf8" });
  return [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = ""]) => flag);
}

/** What a page calls a flag: `--name`, or `--name-*` for all that start so. */
function told(page: string): string[] {
  return [...page.matchAll(/(?<![\w-])--[a-z]+(?:-[a-z]+)*(?:-\*)?/g)].map(([flag]) => flag);
}

describe("The documentation", () => {
  test("has no link to a page, a file or a heading that is not there", () => {
    const faults = pages.flatMap((page) => linksOf(read(page)).map((link) => faultOf(page, link)));
    assert.deepEqual(
      faults.filter((fault) => fault !== undefined),
      [],
    );
  });

  test("names no file or folder of this repository that is not there, and no command that npm does not know", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const faults = pages.flatMap((page) => {
      const text = read(page);
      const files = [...text.matchAll(/`((?:src|tools|docs|e2e|bench|examples)\/[\w./-]*)`/g)]
        .map(([, file = ""]) => file)
        .filter((file) => !existsSync(join(root, file)));
      const commands = [...text.matchAll(/npm run (?:-s )?([a-z:-]+)/g)]
        .map(([, command = ""]) => command)
        .filter((command) => scripts[command] === undefined);
      return [...files, ...commands].map((name) => `${page}: ${name}`);
    });
    assert.deepEqual(faults, []);
  });

  test("lists each page on design in the index, once", () => {
    const links = linksOf(read("docs/design/README.md")).filter((link) => /^[\w-]+\.md$/.test(link));
    const all = pagesBelow("docs/design").map((page) => page.replace("docs/design/", ""));
    assert.deepEqual(links.toSorted(), all.filter((page) => page !== "README.md").toSorted());
  });

  test("tells every flag of k8ts up on the administrator's page", () => {
    const page = told(read("docs/administration.md"));
    const isTold = (flag: string) =>
      page.some((name) => name === flag || (name.endsWith("*") && flag.startsWith(name.slice(0, -1))));
    assert.deepEqual(
      flagsOf("up").filter((flag) => flag !== "--help" && !isTold(flag)),
      [],
    );
  });

  test("names no flag of k8ts that does not exist", () => {
    const known = [["up"], ["down"], ["status"], ["images", "import"]].flatMap((words) => flagsOf(...words));
    const lines = pages.flatMap((page) =>
      read(page)
        .split("\n")
        .map((line) => ({ page, line })),
    );
    const faults = lines.flatMap(({ page, line }) => {
      const commands = [...line.matchAll(/k8ts (?:up|down|status|images)[^`|;#]*/g)].map(
        ([command]) => command,
      );
      const words = page.endsWith("administration.md") && !line.includes("kubectl") ? [line] : commands;
      return words.flatMap(told).map((flag) => ({ page, flag }));
    });
    const exists = (flag: string) =>
      flag.endsWith("*") ? known.some((name) => name.startsWith(flag.slice(0, -1))) : known.includes(flag);
    assert.deepEqual(
      faults.filter(({ flag }) => !exists(flag)),
      [],
    );
  });
});
