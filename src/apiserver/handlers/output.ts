import type { ResourceDefinition } from "../../api/definition.ts";
import type { ApiError } from "../../apimachinery/api-error.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { RequestForbidden } from "../authorization/forbidden.ts";
import {
  acceptableOutput,
  checkProducible,
  mediaTypes,
  negotiateOutput,
  type OutputFormat,
  streamTypes,
} from "../content/negotiate.ts";
import { unsniffed } from "../non-resource.ts";
import type { RequestInfo } from "../request-info.ts";
import { isConnection } from "./connections.ts";

const objectTypes = Object.values(mediaTypes);
const listTypes = [...objectTypes, ...streamTypes];
const logTypes = ["text/plain", ...objectTypes];

/** How the answer to a request for a resource is to look. Throws 406. */
export function outputOf(
  { headers: { accept } }: Pick<ApiRequest, "headers">,
  call: { readonly definition: ResourceDefinition; readonly info: RequestInfo },
  hasProtobuf: boolean,
): OutputFormat {
  // What a backend says goes through as it is.
  if (isConnection(call)) return { encoding: "json" };
  const { definition, info } = call;
  const custom = definition.custom !== undefined;
  if (!custom) checkProducible(accept, producibleBy(info));
  // What is only ever created (a review) is no object that a table or its metadata could show.
  const views = definition.verbs?.includes("get") ?? true;
  const tables = views && tabledSubresources.has(info.subresource);
  return negotiateOutput(accept, { protobuf: hasProtobuf, custom, views, tables });
}

const tabledSubresources = new Set(["", "scale", "status"]);

function producibleBy({ verb, resource, subresource, parts }: RequestInfo): readonly string[] {
  if (resource === "pods" && subresource === "log") return logTypes;
  return (verb === "list" || verb === "watch") && parts.length < 2 ? listTypes : objectTypes;
}

/**
 * The answer that tells a client why it gets no other: in the encoding that it asked for, if it took plain objects. One that takes
 * none gets JSON anyway, laid out for people, as upstream writes what it could not negotiate.
 */
export function refusalOf(error: ApiError, accept: string | undefined, hasProtobuf: boolean): ApiResponse {
  const { status } = error;
  const output = acceptableOutput(accept, { protobuf: hasProtobuf });
  const retryAfterSeconds = status.details?.retryAfterSeconds ?? 0;
  const refusal: ApiResponse = {
    type: "object",
    status: error.code,
    headers: {
      "content-type": mediaTypes[output?.encoding ?? "json"],
      ...(retryAfterSeconds > 0 ? { "retry-after": String(retryAfterSeconds) } : {}),
    },
    object: status,
    ...(output === undefined ? { isPretty: true } : {}),
  };
  return error instanceof RequestForbidden ? unsniffed(refusal) : refusal;
}
