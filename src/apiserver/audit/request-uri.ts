import type { ApiRequest } from "../../client/exchange.ts";

/** Path and query as a client writes them: the request carries them decoded. */
export function requestUri({ path, query }: Pick<ApiRequest, "path" | "query">): string {
  const encoded = path.split("/").map(encodeSegment).join("/");
  return query.size === 0 ? encoded : `${encoded}?${query}`;
}

/** What a path may hold as it is stays as it is, as in Go's URLs. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/%(?:3A|40|24|2C|2B|3D|26)/g, decodeURIComponent);
}
