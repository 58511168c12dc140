import { type Capability, capabilities } from "./capabilities.ts";
import type { RunningServer, ServedResource, ServedVersion } from "./running-server.ts";
import { resourceOf, type Stability, stabilityOf, type UpstreamApi, upstreamPlugins } from "./upstream.ts";

export interface PageContent {
  readonly server: RunningServer;
  readonly upstream: UpstreamApi;
  /** How many tests a place of a capability holds. */
  readonly testsIn: (place: string) => number;
  /** By the capability's title. */
  readonly missing: ReadonlyMap<string, string>;
}

export function renderApiCoverage(content: PageContent): string {
  const { server, upstream } = content;
  const parts = [
    "# What the API server serves",
    "<!-- Made by `npm run docs:api-coverage` from the running server: change the server, or docs/missing.md. -->",
    [
      "Compared with kube-apiserver v1.36, whose facts are read from its OpenAPI document. What is left out on purpose or not yet",
      "there is told in [missing.md](missing.md).",
    ].join("\n"),
    "## Capabilities, their tests, and what is not there",
    ...capabilityTable(content),
    ...conformanceTable(upstream),
    "## Admission plugins",
    ...pluginTable(server),
    "## Groups, kinds, verbs, subresources",
    `**All** verbs are ${allVerbs.join(", ")}.`,
    ...server.versions.map(versionTable),
    "## What upstream serves and this server does not",
    ...absentResources(server, upstream),
    ...operations(server),
  ];
  return `${parts.join("\n\n")}\n`;
}

function capabilityTable({ testsIn, missing }: PageContent): string[] {
  const rows = capabilities.map(({ title, pages, tests }: Capability) => {
    const places = tests.map((place) => `[${shortName(place)}](../${place})`).join(", ");
    const count = tests.reduce((sum, place) => sum + testsIn(place), 0);
    const designs = pages.map((page) => `[${page}](design/${page}.md)`).join(", ");
    return [title, designs, String(count), places, missing.get(title) ?? ""];
  });
  return [table(["capability", "design", "tests", "where", "not there"], rows)];
}

/** Behaviours of upstream's conformance suite whose names stand in tests' titles. */
function conformanceTable({ conformance = {} }: UpstreamApi): string[] {
  const rows = Object.entries(conformance).map(([sig, [covered, behaviours]]) => [
    sig,
    String(covered),
    String(behaviours),
  ]);
  if (rows.length === 0) return [];
  return [
    [
      "Behaviours of upstream's conformance suite v1.36 that tests carry in their titles, by SIG, as last counted",
      "(`npm run coverage:conformance -- FILE` counts anew):",
    ].join("\n"),
    table(["SIG", "in titles", "behaviours"], rows),
  ];
}

/** "src/apiserver/audit/" → "audit/"; "src/apiserver/conformance/watch.test.ts" → "conformance/watch". */
function shortName(place: string): string {
  const parts = place.replace(/\.test\.ts$/, "").split("/");
  return place.endsWith("/") ? `${parts.at(-2)}/` : parts.slice(-2).join("/");
}

function pluginTable({ plugins }: RunningServer): string[] {
  const rows = upstreamPlugins.map(({ name, idle }) => [
    name,
    plugins.includes(name) ? "yes" : idle === undefined ? "**no**" : `no: it ${idle}`,
  ]);
  const own = plugins.filter((name) => !upstreamPlugins.some((plugin) => plugin.name === name));
  return [
    [
      "Those that kube-apiserver has on by default, in its order, and NodeRestriction, which installers turn on.",
      `Beside them the chain has ${own.map((name) => `\`${name}\``).join(", ")}: checks that upstream makes in its registries.`,
    ].join("\n"),
    table(["plugin", "there"], rows),
  ];
}

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const statusVerbs = ["get", "patch", "update"];

function versionTable({ groupVersion, resources }: ServedVersion): string {
  const main = resources.filter(({ name }) => !name.includes("/"));
  const virtual = resources.filter(({ name }) => {
    const [plural] = name.split("/");
    return name.includes("/") && !main.some((resource) => resource.name === plural);
  });
  const rows = [...main, ...virtual].map((resource) => {
    const subresources = resources.filter(({ name }) => name.startsWith(`${resource.name}/`));
    const { kind, name, namespaced, verbs, shortNames = [], categories = [] } = resource;
    return [
      kind,
      `\`${name}\`${shortNames.length === 0 ? "" : ` (${shortNames.join(", ")})`}`,
      namespaced ? "namespace" : "cluster",
      verbWords(verbs, allVerbs),
      subresources.map(subresourceWords).join("; "),
      categories.join(", "),
    ];
  });
  return `### ${groupVersion}\n\n${table(["kind", "resource", "scope", "verbs", "subresources", "categories"], rows)}`;
}

function subresourceWords({ name, kind, verbs, group, version }: ServedResource): string {
  const own = name.slice(name.indexOf("/") + 1);
  const said = verbWords(verbs, statusVerbs);
  const of = group === undefined ? "" : ` of ${group}/${version} ${kind}`;
  return said === "all" ? `${own}${of}` : `${own}${of}: ${said}`;
}

function verbWords(verbs: readonly string[], all: readonly string[]): string {
  const sorted = verbs.toSorted();
  if (sorted.join() === all.join()) return "all";
  const left = all.filter((verb) => !verbs.includes(verb));
  if (all === allVerbs && left.length === 1) return `all but ${left.join()}`;
  return sorted.join(", ");
}

/** Resources and subresources that upstream's paths have, by group and version. */
function absentResources({ versions }: RunningServer, { paths, kinds }: UpstreamApi): string[] {
  const served = new Set(
    versions.flatMap(({ groupVersion, resources }) => resources.map(({ name }) => `${groupVersion}/${name}`)),
  );
  const absent = new Map<string, Set<string>>();
  for (const path of Object.keys(paths)) {
    const resource = resourceOf(path);
    if (resource === undefined) continue;
    const { groupVersion, plural, subresource } = resource;
    const name = subresource === "" ? plural : `${plural}/${subresource}`;
    if (served.has(`${groupVersion}/${name}`)) continue;
    const kind = kinds[`${groupVersion}/${plural}`];
    const words = subresource === "" && kind !== undefined ? `${kind} (\`${name}\`)` : `\`${name}\``;
    const known = absent.get(groupVersion) ?? new Set();
    absent.set(groupVersion, known.add(words));
  }
  const order: readonly Stability[] = ["stable", "beta", "alpha"];
  const rows = [...absent]
    .sort(([a], [b]) => order.indexOf(stabilityOf(a)) - order.indexOf(stabilityOf(b)) || (a < b ? -1 : 1))
    .map(([groupVersion, names]) => [groupVersion, stabilityOf(groupVersion), [...names].join(", ")]);
  return rows.length === 0 ? [] : [table(["group and version", "stability", "kinds"], rows)];
}

function operations({ unknown, undescribed }: RunningServer): string[] {
  const watches = undescribed.filter((operation) => operation.includes("/watch/"));
  const proxies = undescribed.filter((operation) => /\/proxy(\/|$)/.test(operation));
  const known = new Set([...unknown, ...watches, ...proxies]);
  const documents = undescribed.filter((operation) => !known.has(operation));
  const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
  return [
    unknown.length === 0
      ? "Every method of every path of upstream's stable API is known to this server."
      : `Of the methods of the paths of upstream's stable API, all are known to this server but ${list(unknown)}.`,
    [
      `Its OpenAPI document tells all of them but ${watches.length} of the deprecated watch paths, ${proxies.length} of proxies`,
      `(other methods and paths below), and ${documents.length} documents that are no resources, such as discovery.`,
      "All of these are served.",
    ].join("\n"),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `${cells.map((cell) => (cell === "" ? "| " : `| ${cell} `)).join("")}|`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
