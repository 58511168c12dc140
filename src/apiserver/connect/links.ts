/** Keeps a browser inside the proxy: links of a proxied page that begin at its root begin at the proxied root instead. */
import { lookupTable } from "../../base/lookup-table.ts";

/** Attributes that hold a URL, by tag: HTML's own list. */
const urlAttributes: Readonly<Record<string, readonly string[]>> = lookupTable({
  a: ["href"],
  applet: ["codebase"],
  area: ["href"],
  audio: ["src"],
  base: ["href"],
  blockquote: ["cite"],
  body: ["background"],
  button: ["formaction"],
  command: ["icon"],
  del: ["cite"],
  embed: ["src"],
  form: ["action"],
  frame: ["longdesc", "src"],
  head: ["profile"],
  html: ["manifest"],
  iframe: ["longdesc", "src"],
  img: ["longdesc", "src", "usemap"],
  input: ["src", "usemap", "formaction"],
  ins: ["cite"],
  link: ["href"],
  object: ["classid", "codebase", "data", "usemap"],
  q: ["cite"],
  script: ["src"],
  source: ["src"],
  video: ["poster", "src"],
});

export interface ProxiedRoot {
  /** The path up to "/proxy". */
  readonly path: string;
  /** The Host header of the request: links that name it are links of the page. */
  readonly host: string;
}

/** A link, a Location: rewritten where it points to the proxied server's own root. */
export function rewriteLink(link: string, root: ProxiedRoot): string {
  const absolute = /^(?:(https?):)?\/\/([^/?#]*)(.*)$/i.exec(link);
  if (absolute !== null && absolute[2] !== root.host) return link;
  const path = absolute === null ? link : (absolute[3] ?? "");
  if (!path.startsWith("/") || path.startsWith(root.path)) return absolute === null ? link : path;
  return root.path + path;
}

const tagPattern = /<([a-z]+)(\s[^<>]*)>/gi;
const attributePattern = /([^\s=/"'<>]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'<>]+)/g;

/** A page with its links rewritten; all else stays as it is. */
export function rewriteLinks(html: string, root: ProxiedRoot): string {
  return html.replace(tagPattern, (whole, tag: string, attributes: string) => {
    const names = urlAttributes[tag.toLowerCase()];
    if (names === undefined) return whole;
    return `<${tag}${attributes.replace(
      attributePattern,
      (attribute, name: string, equals: string, value: string) =>
        names.includes(name.toLowerCase()) ? `${name}${equals}${rewriteValue(value, root)}` : attribute,
    )}>`;
  });
}

function rewriteValue(value: string, root: ProxiedRoot): string {
  const quote = value.startsWith('"') || value.startsWith("'") ? value.charAt(0) : "";
  const link = quote === "" ? value : value.slice(1, -1);
  return quote + rewriteLink(link, root) + quote;
}

/** Pages beyond this are passed on as they are. */
const maxPageBytes = 4 * 1024 * 1024;

/** The body of a page, its links rewritten where it is short enough to be held. */
export async function* rewritePage(
  body: AsyncIterable<Uint8Array>,
  root: ProxiedRoot,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] | undefined = [];
  let bytes = 0;
  for await (const chunk of body) {
    if (held === undefined) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    bytes += chunk.length;
    if (bytes <= maxPageBytes) continue;
    yield* held;
    held = undefined;
  }
  if (held === undefined) return;
  const page = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of held) {
    page.set(chunk, at);
    at += chunk.length;
  }
  yield decodePage(page, root);
}

function decodePage(page: Uint8Array, root: ProxiedRoot): Uint8Array {
  try {
    const html = new TextDecoder("utf-8", { fatal: true }).decode(page);
    return new TextEncoder().encode(rewriteLinks(html, root));
  } catch {
    // Not the encoding that is understood here: better as it is than broken.
    return page;
  }
}
