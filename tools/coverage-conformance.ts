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

export interface SigCoverage {
  readonly sig: string;
  readonly behaviours: number;
  /** Those that no test's title names. */
  readonly missing: readonly string[];
}

/** The coverage of a suite's list of behaviours, by SIG. */
export function conformanceCoverage(list: string): SigCoverage[] {
  const suite = parse(list) as readonly Behaviour[];
  const folders = testFolders.map((folder) => join(root, folder)).filter((folder) => existsSync(folder));
  // One word is the name of a kind more often than a title.
  const titles = folders.flatMap(testTitles).filter((title) => title.includes(" "));
  return [...Map.groupBy(suite, sigOf)].map(([sig, own]) => ({
    sig,
    behaviours: own.length,
    missing: own
      .map(({ testname }) => testname)
      .filter((testname) => !titles.some((title) => holdsName(title, testname))),
  }));
}

function main([file, ...sigs]: readonly string[]): void {
  if (file === undefined) {
    console.error("usage: npm run coverage:conformance -- <conformance.yaml> [<sig> ...]");
    process.exitCode = 2;
    return;
  }
  const coverage = conformanceCoverage(readFileSync(file, "utf8")).filter(
    ({ sig }) => sigs.length === 0 || sigs.includes(sig),
  );
  const total = coverage.reduce((sum, { behaviours }) => sum + behaviours, 0);
  const missing = coverage.reduce((sum, own) => sum + own.missing.length, 0);
  console.log(`${total - missing} of ${total} covered`);
  for (const own of coverage) {
    console.log(`${own.sig}: ${own.behaviours - own.missing.length} of ${own.behaviours}`);
    for (const testname of own.missing) console.log(`- ${testname}`);
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

if (process.argv[1] === import.meta.filename) main(process.argv.slice(2));
