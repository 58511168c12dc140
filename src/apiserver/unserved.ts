import type { ApiResponse } from "../client/exchange.ts";
import { pageNotFound } from "./non-resource.ts";
import { noSuchResource } from "./router-refusals.ts";

/**
 * The answer for a path at which nothing is served. Below the core API, /version and the groups that this server was
 * built with, clients get a Status (thrown); everywhere else the plain page that Go's HTTP library gives: upstream has two
 * routers behind each other, and clients tell a group that is not there from a resource that is not there by it.
 */
export function unserved(path: string, builtInGroups: ReadonlySet<string>): ApiResponse {
  const [empty, root, group = ""] = path.split("/", 3);
  if (empty === "") {
    const routed =
      root === "api" || root === "version" || (root === "apis" && group !== "" && builtInGroups.has(group));
    if (routed) throw noSuchResource();
  }
  return pageNotFound();
}
