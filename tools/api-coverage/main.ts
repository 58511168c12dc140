/**
 * Writes `docs/api-coverage.md` from the running server: `npm run docs:api-coverage`. With the path of upstream's OpenAPI
 * document (`api/openapi-spec/swagger.json` of its release) it takes over what upstream serves first, and with that of the
 * conformance suite's list of behaviours after it, counts which of them tests name.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { conformanceCoverage } from "../coverage-conformance.ts";
import { capabilities } from "./capabilities.ts";
import { missingByCapability } from "./missing.ts";
import { renderApiCoverage } from "./page.ts";
import { askRunningServer } from "./running-server.ts";
import { countTests, testFilesOf } from "./test-files.ts";
import { readSwagger, type UpstreamApi } from "./upstream.ts";

/** The page as it is now; `testsIn` says how many tests a place holds. */
export async function makeApiCoverage(root: string, testsIn: (place: string) => number): Promise<string> {
  // Written by this tool.
  const upstream = JSON.parse(readFileSync(join(root, upstreamFile), "utf8")) as UpstreamApi;
  const titles = capabilities.map(({ title }) => title);
  const missing = missingByCapability(readFileSync(join(root, "docs/missing.md"), "utf8"), titles);
  return renderApiCoverage({ server: await askRunningServer(upstream), upstream, testsIn, missing });
}

const upstreamFile = "tools/api-coverage/upstream.json";

function counterOf(root: string): (place: string) => number {
  const places = capabilities.flatMap(({ tests }) => tests);
  const counts = countTests(root, [...new Set(places.flatMap((place) => testFilesOf(root, place)))]);
  const empty = [...counts].filter(([, count]) => count === 0);
  if (empty.length > 0) throw new Error(`no tests in ${empty.map(([file]) => file).join(", ")}`);
  return (place) => testFilesOf(root, place).reduce((sum, file) => sum + (counts.get(file) ?? 0), 0);
}

/** Takes over what upstream's own files say; what is not given stays as it was. */
function refresh([swagger, conformance]: readonly string[]): void {
  if (swagger === undefined) return;
  const known = JSON.parse(readFileSync(join(root, upstreamFile), "utf8")) as UpstreamApi;
  const counted =
    conformance === undefined
      ? known.conformance
      : Object.fromEntries(
          conformanceCoverage(readFileSync(conformance, "utf8"))
            .toSorted((a, b) => (a.sig < b.sig ? -1 : 1))
            .map(({ sig, behaviours, missing }) => [sig, [behaviours - missing.length, behaviours]] as const),
        );
  const read = readSwagger(JSON.parse(readFileSync(swagger, "utf8")));
  const upstream: UpstreamApi = { ...read, ...(counted === undefined ? {} : { conformance: counted }) };
  writeFileSync(join(root, upstreamFile), `${JSON.stringify(upstream, null, 1)}\n`);
}

async function main(files: readonly string[]): Promise<void> {
  refresh(files);
  writeFileSync(join(root, "docs/api-coverage.md"), await makeApiCoverage(root, counterOf(root)));
}

const root = fileURLToPath(new URL("../..", import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
