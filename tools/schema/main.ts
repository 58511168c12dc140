/**
 * Generates what is known of the API from its published descriptions:
 *
 *     node tools/schema/main.ts <openapi-v2.json> <git directory>@<revision> …
 *
 * The OpenAPI document gives the TypeScript types, the resource constants, and what lists and maps mean; the git
 * directories (kubernetes/api, apimachinery, apiextensions-apiserver, kube-aggregator) give what OpenAPI does not
 * say: protobuf numbers, pointers, omitempty, enumerations, defaults. Writes under `src/api`.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseGitSource, readApiPackages } from "./git-source.ts";
import { findResources, resourceConstants } from "./resource-constants.ts";
import { schemaDocument } from "./schema-tables.ts";
import { type Swagger, stableModels } from "./swagger.ts";
import { preferredVersions, typeDeclarations, typesFileName } from "./type-declarations.ts";

const apiFolder = join(import.meta.dirname, "../../src/api");

function main([swaggerFile, ...gitSources]: readonly string[]): void {
  if (swaggerFile === undefined) {
    console.error("usage: node tools/schema/main.ts <openapi-v2.json> [<git directory>@<revision> …]");
    process.exitCode = 2;
    return;
  }
  const swagger = JSON.parse(readFileSync(swaggerFile, "utf8")) as Swagger;
  const folders = stableModels(swagger);
  const preferredOf = preferredVersions(folders);
  for (const [folder, versions] of folders) {
    for (const [version, models] of versions) {
      const file = `${folder}/${typesFileName(version, preferredOf(folder))}`;
      write(file, typeDeclarations({ folder, version }, models, preferredOf));
    }
  }
  write("resources.generated.ts", resourceConstants(findResources(swagger), preferredOf));
  // Without the sources only the types are renewed.
  if (gitSources.length === 0) return;
  const packages = gitSources.flatMap((source) => readApiPackages(parseGitSource(source)));
  write("schema.generated.json", `${JSON.stringify(schemaDocument(packages, swagger), null, 1)}\n`);
}

function write(file: string, text: string): void {
  const path = join(apiFolder, file);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

main(process.argv.slice(2));
