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
