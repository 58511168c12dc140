import type { ResourceDefinition } from "../api/definition.ts";
import { failure } from "../apimachinery/api-error.ts";

/** What upstream's router says where a path that is routed leads to nothing. */
export function noSuchResource(): Error {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

/** What it says where a path does not take the method. */
export function methodNotAllowed(): Error {
  return failure(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );
}

/** What the handlers of verbs say: those of custom kinds, and where a built-in kind has no watch. */
export function notSupported({ group, plural }: ResourceDefinition, verb: string): Error {
  const name = group === "" ? plural : `${plural}.${group}`;
  return failure(405, "MethodNotAllowed", `${verb} is not supported on resources of kind "${name}"`, {
    ...(group === "" ? {} : { group }),
    kind: plural,
  });
}

/** The refusal of a request whose path is routed and whose verb is not: by the router, or for custom kinds by their handler. */
export function refusedMethod({
  definition,
  info,
}: {
  readonly definition: ResourceDefinition;
  readonly info: { readonly verb: string };
}): Error {
  return definition.custom === undefined ? methodNotAllowed() : notSupported(definition, info.verb);
}
