import type { ResourceDefinition } from "../../api/definition.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import {
  acceptableOutput,
  checkProducible,
  mediaTypes,
  negotiateOutput,
  type OutputFormat,
  streamTypes,
} from "../content/negotiate.ts";
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
  return negotiateOutput(accept, { protobuf: hasProtobuf, custom, views });
}

function producibleBy({ verb, resource, subresource, parts }: RequestInfo): readonly string[] {
  if (resource === "pods" && subresource === "log") return logTypes;
  return (verb === "list" || verb === "watch") && parts.length < 2 ? listTypes : objectTypes;
}

/**
 * How a refusal is to look: as what was asked for, if the client took plain objects. One that takes none gets JSON anyway, laid
 * out for people, as upstream writes what it could not negotiate.
 */
export function refusalOutput(
  accept: string | undefined,
  hasProtobuf: boolean,
): OutputFormat & { readonly isPretty: boolean } {
  const output = acceptableOutput(accept, { protobuf: hasProtobuf });
  return output === undefined ? { encoding: "json", isPretty: true } : { ...output, isPretty: false };
}
