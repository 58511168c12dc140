/**
 * Says how much of the conformance suite is covered: `npm run coverage:conformance -- FILE [SIG ...]`, where FILE is the
 * suite's list of behaviours (YAML with a `testname` and a `codename` each), and a SIG is "sig-auth" or the like: of all
 * SIGs when none is named. A behaviour is covered when a test's title holds its testname.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

const root = join(import.meta.dirname, "..");
const testFolders = ["src", "e2e", "simulation"];

interface Behaviour {
  readonly testname: string;
  /** "[sig-auth] ServiceAccounts should mount an API token into pods [Conformance]". */
  readonly codename: string;
}

function main([file, ...sigs]: readonly string[]): void {
  if (file === undefined) {
    console.error("usage: npm run coverage:conformance -- <conformance.yaml> [<sig> ...]");
    process.exitCode = 2;
    return;
  }
  const suite = parse(readFileSync(file, "utf8")) as readonly Behaviour[];
  const entries = suite.filter((entry) => sigs.length === 0 || sigs.includes(sigOf(entry)));
  const folders = testFolders.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
  // One word is the name of a kind more often than a title.
  const titles = folders.flatMap(testTitles).filter((title) => title.includes(" "));
  const isCovered = ({ testname }: Behaviour) => titles.some((title) => holdsName(title, testname));
  const missing = entries.filter((entry) => !isCovered(entry));
  console.log(`${entries.length - missing.length} of ${entries.length} covered`);
  for (const [sig, own] of Map.groupBy(entries, sigOf)) {
    const left = missing.filter((entry) => sigOf(entry) === sig);
    console.log(`${sig}: ${own.length - left.length} of ${own.length}`);
    for (const { testname } of left) console.log(`- ${testname}`);
  }
}

function sigOf({ codename }: Behaviour): string {
  return /^\[([^\]]+)\]/.exec(codename)?.[1] ?? "no sig";
}

function testTitles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts") && !file.includes("node_modules"))
    .flatMap((file) => stringsIn(readFileSync(join(folder, file), "utf8")));
}

/** Titles come from tables as often as from calls, so every string of a test file counts. */
function stringsIn(source: string): string[] {
  return [...source.matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)].map(
    ([, double, single, template]) => normal((double ?? single ?? template ?? "").replace(/\\(.)/g, "$1")),
  );
}

function normal(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Whole, so that "Pods, delete" is not covered by "Pods, deleted things". */
function holdsName(title: string, testname: string): boolean {
  const name = normal(testname);
  const at = title.indexOf(name);
  if (at < 0) return false;
  return !/\w/.test(title.charAt(at - 1)) && !/\w/.test(title.charAt(at + name.length));
}

main(process.argv.slice(2));
