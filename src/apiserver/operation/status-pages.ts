import { failure } from "../../apimachinery/api-error.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { type NonResourceHandler, textResponse } from "../non-resource.ts";

/** What /statusz and /flagz tell (KEP-4827, KEP-4828). */
export interface StatusPagesOptions {
  readonly now: () => number;
  readonly startedAtMs: number;
  readonly version: { readonly program: string; readonly language: string; readonly emulated: string };
  /** All that is served. */
  readonly paths: () => readonly string[];
  /** The flags that the server was started with, without their dashes. */
  readonly flags: ReadonlyMap<string, string>;
}

/** As upstream's server calls itself here. */
const component = "apiserver";
const group = "config.k8s.io";
const versions = ["v1beta1", "v1alpha1"];
const structuredTypes = ["application/json", "application/yaml"];

/** Serves /statusz and /flagz: as text for people, as a kind of config.k8s.io for those who ask for it by name. */
export function statusPages(options: StatusPagesOptions): NonResourceHandler {
  return {
    paths: ["/flagz", "/statusz"],
    handle({ path, headers: { accept } }) {
      if (path === "/statusz")
        return page("Statusz", accept, {
          text: () => statusText(options),
          fields: () => statusFields(options),
        });
      if (path === "/flagz")
        return page("Flagz", accept, {
          text: () => [...options.flags].toSorted().map(([name, value]) => `${name}=${value}`),
          fields: () => ({ flags: Object.fromEntries(options.flags) }),
        });
      return undefined;
    },
  };
}

interface Content {
  readonly text: () => readonly string[];
  readonly fields: () => object;
}

function page(kind: "Flagz" | "Statusz", accept: string | undefined, content: Content): ApiResponse {
  const form = formOf(kind, accept);
  const name = kind.toLowerCase();
  if (form === undefined)
    throw failure(
      406,
      "NotAcceptable",
      `only the following media types are accepted: ${[...structuredTypes, "text/plain"].join(", ")}`,
    );
  if (form === "text") {
    const warning =
      "Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.";
    return textResponse(200, `\n${component} ${name}\n${warning}\n\n${content.text().join("\n")}\n`);
  }
  const deprecation = `299 - "This version of the ${name} endpoint is deprecated. Please use a newer version."`;
  return {
    type: "object",
    status: 200,
    headers: {
      "content-type": form.type,
      ...(form.version === "v1alpha1" ? { warning: deprecation } : {}),
    },
    object: {
      kind,
      apiVersion: `${group}/${form.version}`,
      metadata: { name: component },
      ...content.fields(),
    },
  };
}

/** The first form that the client takes; undefined: it takes none. */
function formOf(
  kind: string,
  accept = "",
): "text" | { readonly type: string; readonly version: string } | undefined {
  if (accept.trim() === "") return "text";
  for (const clause of accept.split(",")) {
    const [type = "", ...rest] = clause.split(";").map((part) => part.trim());
    const parameters = new Map(
      rest.map((part) => [part.split("=", 1)[0], part.slice(part.indexOf("=") + 1)]),
    );
    const version = parameters.get("v") ?? "";
    const isNamed = parameters.has("as") || parameters.has("g") || parameters.has("v");
    if (!isNamed && ["*/*", "text/*", "text/plain"].includes(type)) return "text";
    const asked =
      parameters.get("as") === kind && parameters.get("g") === group && versions.includes(version);
    const structured = type === "*/*" || type === "application/*" ? structuredTypes[0] : type;
    if (asked && structured !== undefined && structuredTypes.includes(structured))
      return { type: structured, version };
  }
  return undefined;
}

/** For machines, and not for finding out what is wrong. */
const notForDebugging: ReadonlySet<string> = new Set(["apis", "api", "openid", "openapi", ".well-known"]);

function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set(paths.map((path) => path.split("/")[1] ?? ""));
  return [...folders]
    .filter((folder) => folder !== "" && !notForDebugging.has(folder))
    .map((folder) => `/${folder}`)
    .toSorted();
}

function secondsUp({ now, startedAtMs }: StatusPagesOptions): number {
  return Math.max(0, Math.floor((now() - startedAtMs) / 1000));
}

function statusFields(options: StatusPagesOptions): object {
  const { startedAtMs, version, paths } = options;
  return {
    startTime: rfc3339(startedAtMs),
    uptimeSeconds: secondsUp(options),
    goVersion: version.language,
    binaryVersion: version.program,
    emulationVersion: version.emulated,
    paths: foldersOf(paths()),
  };
}

function statusText(options: StatusPagesOptions): string[] {
  const { startedAtMs, version, paths } = options;
  const up = secondsUp(options);
  const two = (value: number) => String(value % 60).padStart(2, "0");
  return [
    `Started: ${unixDate(startedAtMs)}`,
    `Up: ${Math.floor(up / 3600)} hr ${two(Math.floor(up / 60))} min ${two(up)} sec`,
    `Go version: ${version.language}`,
    `Binary version: ${version.program}`,
    `Emulation version: ${version.emulated}`,
    `Paths: ${foldersOf(paths()).join(" ")}`,
  ];
}

/** "Mon Jan  2 15:04:05 UTC 2006" */
function unixDate(timeMs: number): string {
  const [weekday = "", day = "", month = "", year = "", time = ""] = new Date(timeMs)
    .toUTCString()
    .split(" ");
  return `${weekday.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${time} UTC ${year}`;
}
