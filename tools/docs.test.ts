import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What the samples take as given, as the top of the client's page says. */
const given = `
import type { apps, Client, Condition, Controller, InformerFactory, KubeObject, Logger, ResourceType } from "k8ts/client";
declare global {
  const client: Client;
  const namespace: string;
  const signal: AbortSignal;
  const logger: Logger;
  const informers: InformerFactory;
  interface Backup extends KubeObject {
    readonly spec: { readonly schedule: string };
    readonly status?: { readonly conditions?: readonly Condition[] };
  }
  const backups: ResourceType<Backup>;
  const backupController: Controller;
  const web: apps.Deployment;
}
`;

/** A page's samples by the headings they stand under. */
function samplesOf(page: string): { readonly heading: string; readonly code: string }[] {
  let heading = "";
  const samples: { heading: string; code: string }[] = [];
  for (const [, title, code] of page.matchAll(/^## (.+)$|^```ts\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title;
    else if (code !== undefined) samples.push({ heading, code });
  }
  return samples;
}

test("Every sample of the users' pages compiles under the compiler's strict settings", (context) => {
  const pages = ["README.md", "docs/client.md", "docs/testing.md"];
  const samples = pages.flatMap((page) => samplesOf(readFileSync(join(root, page), "utf8")));
  assert.ok(samples.length >= 14, `${samples.length} samples were found`);
  const folder = mkdtempSync(join(tmpdir(), "k8ts-docs-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const [index, { code }] of samples.entries())
    writeFileSync(join(folder, `sample-${index}.ts`), `${code}\nexport {};\n`);
  writeFileSync(join(folder, "given.d.ts"), given);
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const modules = join(root, "node_modules");
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noUnusedLocals: false,
        typeRoots: [join(modules, "@types")],
        paths: {
          "k8ts/client": [join(root, "src/client/index.ts")],
          "k8ts/testing": [join(root, "src/testing/index.ts")],
          "prom-client": [join(modules, "prom-client/index.d.ts")],
        },
      },
      include: ["*.ts"],
    }),
  );
  try {
    execFileSync(join(modules, ".bin/tsc"), ["-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const output = String((error as { stdout?: unknown }).stdout);
    const named = output.replace(/sample-(\d+)\.ts/g, (_, index) => `"${samples[Number(index)]?.heading}"`);
    assert.fail(named);
  }
});
