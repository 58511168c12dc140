import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CustomResourceDefinition } from "../api/apiextensions/types.generated.ts";
import type { ResourceDefinition } from "../api/definition.ts";
import { customResourceDefinitions } from "../api/resources.generated.ts";
import type { AnyObject, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { type Client, nameOf } from "../client/client.ts";
import { isConditionTrue } from "../client/conditions.ts";

export interface InstallDependencies {
  readonly client: Client;
  /** What is served now. */
  readonly definitions: () => readonly ResourceDefinition[];
  readonly until: (condition: () => boolean | Promise<boolean>) => Promise<void>;
}

/** Creates the objects, custom resource definitions first, and returns them as created, in the order they were given. */
export async function install(
  sources: readonly (string | URL | KubeObject | AnyObject)[],
  dependencies: InstallDependencies,
): Promise<AnyObject[]> {
  const objects = (await Promise.all(sources.map(objectsOf))).flat();
  const created = new Map<AnyObject, AnyObject>();
  const definitions = objects.filter(({ kind }) => kind === customResourceDefinitions.kind);
  for (const definition of definitions) created.set(definition, await createOne(definition, dependencies));
  await dependencies.until(async () => {
    const states = definitions.map((definition) =>
      dependencies.client.get(customResourceDefinitions, nameOf(definition)),
    );
    return (await Promise.all(states)).every((state) => isServed(state, dependencies.definitions()));
  });
  for (const object of objects)
    if (!created.has(object)) created.set(object, await createOne(object, dependencies));
  return objects.map((object) => created.get(object) ?? object);
}

function isServed(
  { status, spec }: CustomResourceDefinition,
  definitions: readonly ResourceDefinition[],
): boolean {
  // No condition of a custom resource definition carries a generation: it is what stands there that counts.
  return (
    isConditionTrue(status?.conditions ?? [], "Established") &&
    definitions.some(({ group, plural }) => group === spec.group && plural === spec.names.plural)
  );
}

function createOne(object: AnyObject, { client, definitions }: InstallDependencies): Promise<AnyObject> {
  const { apiVersion = "", kind = "" } = object;
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  const definition = definitions().find(
    (one) => one.group === group && one.kind === kind && one.versions.includes(version),
  );
  if (definition === undefined)
    throw new Error(
      `install: no resource of kind ${kind} in ${apiVersion} is served: its CustomResourceDefinition is to be among what is installed`,
    );
  const { plural: resource, namespaced } = definition;
  const type: ResourceType = { group, version, resource, kind, namespaced };
  const isPlaced = !namespaced || (object.metadata.namespace ?? "") !== "";
  return client.create(
    type,
    isPlaced ? object : { ...object, metadata: { ...object.metadata, namespace: "default" } },
  );
}

async function objectsOf(source: string | URL | KubeObject): Promise<AnyObject[]> {
  if (source === undefined || source === null)
    throw new TypeError(`install: an object, a path or a URL is expected, not ${String(source)}`);
  if (typeof source !== "string" && !(source instanceof URL)) return membersOf(source as AnyObject); // of whatever type
  const path = typeof source === "string" ? source : fileURLToPath(source);
  if (!(await stat(path)).isDirectory()) return parse(path);
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
  return (await Promise.all(names.map((name) => parse(join(path, name))))).flat();
}

async function parse(path: string): Promise<AnyObject[]> {
  const { parseAllDocuments } = await import("yaml");
  const documents = parseAllDocuments(await readFile(path, "utf8"));
  return documents.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`install: ${path}: ${error.message}`);
    const object = document.toJS() as AnyObject | null; // the server judges what it is
    return object === null ? [] : membersOf(object);
  });
}

/** A List stands for its items, as `kubectl get -o yaml` writes them. */
function membersOf(object: AnyObject): AnyObject[] {
  const { items } = object as { readonly items?: AnyObject[] };
  return object.kind === "List" && items !== undefined ? items : [object];
}
