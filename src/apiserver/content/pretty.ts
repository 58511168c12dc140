import type { ApiRequest } from "../../client/exchange.ts";

const trueTexts: ReadonlySet<string> = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const peoplesAgents = ["curl", "Wget", "Mozilla/5.0"];

/**
 * Whether JSON is to be laid out for people: by the Accept header, by the `pretty` parameter, and unless that is there for browsers
 * and command line tools, as upstream has it.
 */
export function wantsPretty({ headers, query }: Pick<ApiRequest, "headers" | "query">): boolean {
  const { accept, "user-agent": agent = "" } = headers;
  if (accept?.includes("pretty=1") === true) return true;
  const pretty = query.size === 0 ? null : query.get("pretty");
  if (pretty !== null && pretty !== "") return trueTexts.has(pretty);
  return peoplesAgents.some((each) => agent.startsWith(each));
}
