import type { Environment } from "@marcbachmann/cel-js";
import { runtimeError } from "../errors.ts";
import { define } from "./define.ts";

class CelUrl {
  readonly url: URL;
  readonly isRelative: boolean;

  constructor(url: URL, isRelative: boolean) {
    this.url = url;
    this.isRelative = isRelative;
  }
}

const type = "kubernetes.URL";

/** URLs as Go's ParseRequestURI takes them: absolute, or a path from the root. */
export function registerUrls(environment: Environment): void {
  environment.registerType(type, { ctor: CelUrl });
  define(environment, {
    [`url(string): ${type}`]: (text: string) => {
      const url = parse(text);
      if (url === undefined)
        throw runtimeError(
          `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
        );
      return url;
    },
    "isURL(string): bool": (text: string) => parse(text) !== undefined,
    [`${type}.getScheme(): string`]: ({ url, isRelative }: CelUrl) =>
      isRelative ? "" : url.protocol.replace(/:$/, ""),
    [`${type}.getHost(): string`]: ({ url, isRelative }: CelUrl) => (isRelative ? "" : url.host),
    [`${type}.getHostname(): string`]: ({ url, isRelative }: CelUrl) =>
      isRelative ? "" : url.hostname.replace(/^\[|\]$/g, ""),
    [`${type}.getPort(): string`]: ({ url, isRelative }: CelUrl) => (isRelative ? "" : url.port),
    [`${type}.getEscapedPath(): string`]: ({ url }: CelUrl) => url.pathname,
    [`${type}.getQuery(): map<string, list<string>>`]: ({ url }: CelUrl) => {
      const query = new Map<string, string[]>();
      for (const name of new Set(url.searchParams.keys())) query.set(name, url.searchParams.getAll(name));
      return query;
    },
  });
  environment.registerOperator(`${type} == ${type}`, (a: CelUrl, b: CelUrl) => a.url.href === b.url.href);
}

function parse(text: string): CelUrl | undefined {
  try {
    if (text.startsWith("/")) return new CelUrl(new URL(`http://host${text}`), true);
    if (!/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) || /[\s]/.test(text)) return undefined;
    return new CelUrl(new URL(text), false);
  } catch {
    return undefined;
  }
}
