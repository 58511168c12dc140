import type { Environment } from "@marcbachmann/cel-js";
import { runtimeError } from "../errors.ts";
import { define } from "./define.ts";

/** The parts of a URL as they are written. */
class CelUrl {
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string, scheme: string, host: string, path: string, query: string) {
    this.text = text;
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
}

const type = "kubernetes.URL";

/** URLs as Go's ParseRequestURI takes them: absolute, or a path from the root. */
export function registerUrls(environment: Environment): void {
  environment.registerType(type, { ctor: CelUrl });
  define(environment, {
    [`url(string): ${type}`]: (text: string) => {
      const url = parse(text);
      if (typeof url === "string")
        throw runtimeError(
          `URL parse error during conversion from string: parse ${JSON.stringify(text)}: ${url}`,
        );
      return url;
    },
    "isURL(string): bool": (text: string) => typeof parse(text) !== "string",
    [`${type}.getScheme(): string`]: ({ scheme }: CelUrl) => scheme,
    [`${type}.getHost(): string`]: ({ host }: CelUrl) => host,
    [`${type}.getHostname(): string`]: ({ host }: CelUrl) =>
      host.replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1"),
    [`${type}.getPort(): string`]: ({ host }: CelUrl) => /:(\d+)$/.exec(host)?.[1] ?? "",
    [`${type}.getEscapedPath(): string`]: ({ path }: CelUrl) => escaped(path),
    [`${type}.getQuery(): map<string, list<string>>`]: ({ query }: CelUrl) => valuesOf(query),
  });
  environment.registerOperator(`${type} == ${type}`, (a: CelUrl, b: CelUrl) => a.text === b.text);
}

const badEscape = /%(?![\da-fA-F]{2}).{0,2}/;

/** What is wrong, where it is no URL. */
function parse(text: string): CelUrl | string {
  if (text === "") return "empty url";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) return "net/url: invalid control character in URL";
  const [, scheme = "", rest = text] = /^([a-zA-Z][a-zA-Z0-9+.-]*):([\s\S]*)$/.exec(text) ?? [];
  if (text.startsWith(":")) return "missing protocol scheme";
  const [before = "", ...others] = rest.replace(/#.*$/s, "").split("?");
  const query = others.join("?");
  const name = scheme.toLowerCase();
  // Nothing that follows is a path or a host.
  if (!before.startsWith("/"))
    return scheme === "" ? "invalid URI for request" : new CelUrl(text, name, "", "", query);
  const [, authority, path = before] = scheme === "" ? [] : (/^\/\/([^/]*)([\s\S]*)$/.exec(before) ?? []);
  const host = authority?.slice(authority.lastIndexOf("@") + 1) ?? "";
  const port = /(?<=^[^[\]]*|\])(:[^\]]*)$/.exec(host)?.[1] ?? "";
  if (!/^(?::\d*)?$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  const strange = /[\s<>"{}|\\^`]/.exec(host)?.[0];
  if (strange !== undefined) return `invalid character ${JSON.stringify(strange)} in host name`;
  const broken = badEscape.exec(path)?.[0];
  return broken === undefined
    ? new CelUrl(text, name, host, path, query)
    : `invalid URL escape ${JSON.stringify(broken)}`;
}

/** A path as it is written where that can be sent, with what cannot be sent in other signs. */
function escaped(path: string): string {
  if (/^[\w\-.~!$&'()*+,;=:@/[\]%]*$/.test(path)) return path;
  return encodeURIComponent(decodeURIComponent(path)).replace(
    /%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g,
    decodeURIComponent,
  );
}

/** The values of a query by their names; what is malformed is left out. */
function valuesOf(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const pair of query.split("&")) {
    if (pair === "" || pair.includes(";") || badEscape.test(pair)) continue;
    const [name = "", ...rest] = pair.split("=");
    const key = unescaped(name);
    values.set(key, [...(values.get(key) ?? []), unescaped(rest.join("="))]);
  }
  return values;
}

const unescaped = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
