/** The operations that answer with what there is: no kind's own. */
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import {
  capital,
  groupTag,
  groupTitle,
  groupVersionPath,
  type Operation,
  objectMediaTypes,
} from "./operations.ts";

/** A built-in group version of the server. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** The kind of `/version`. */
export const codeVersionKind: GroupVersionKind = { group: "version", version: "", kind: "Info" };

/** By the path of the document of version 3 that they stand in: `api`, `apis/apps`, `version` …, not `api/v1`. */
export function discoveryOperations(groupVersions: readonly GroupVersion[]): ReadonlyMap<string, Operation> {
  const groups = new Set(groupVersions.map(({ group }) => group).filter((group) => group !== ""));
  const operations = [
    text(".well-known/openid-configuration", "WellKnown", "getServiceAccountIssuerOpenIDConfiguration", [
      "application/json",
    ]),
    answer("api", "core", "getCoreAPIVersions", "APIVersions"),
    answer("apis", "apis", "getAPIVersions", "APIGroupList"),
    ...[...groups].map((group) =>
      answer(`apis/${group}`, groupTag(group), `get${groupTitle(group)}APIGroup`, "APIGroup"),
    ),
    text("openid/v1/jwks", "openid", "getServiceAccountIssuerOpenIDKeyset", ["application/jwk-set+json"]),
    codeVersion,
  ];
  return new Map(operations.map((operation) => [operation.path.slice(1, -1), operation]));
}

/** What a built-in group version has. */
export function resourcesOperation({ group, version }: GroupVersion): Operation {
  const title = `${groupTitle(group)}${capital(version)}`;
  const path = groupVersionPath(group, version);
  return answer(path, `${groupTag(group)}_${version}`, `get${title}APIResources`, "APIResourceList");
}

function answer(path: string, tag: string, operationId: string, kind: string): Operation {
  return {
    ...text(path, tag, operationId, objectMediaTypes),
    consumes: objectMediaTypes,
    result: { group: "", version: "v1", kind },
  };
}

function text(path: string, tag: string, operationId: string, produces: readonly string[]): Operation {
  return { path: `/${path}/`, method: "get", operationId, tag, parameters: [], produces, codes: [200] };
}

const codeVersion: Operation = {
  ...text("version", "version", "getCodeVersion", ["application/json"]),
  consumes: ["application/json"],
  result: codeVersionKind,
};
