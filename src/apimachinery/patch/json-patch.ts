/** JSON patch (RFC 6902) with the API server's limits. */
import { badRequest, failure } from "../api-error.ts";
import { isJsonObject, jsonEqual } from "./json-value.ts";
import { unprocessable } from "./patch-errors.ts";

const maxOperations = 10_000;
/** What all copy operations of a patch may add together, in bytes of JSON. */
const maxCopyBytes = 3 * 1024 * 1024;

type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

/**
 * Applies `patch`, a parsed JSON patch, to a copy of `document`. Throws `ApiError`: 400 for what is no JSON patch, 413
 * for one that is too long or copies too much, 422 for one that does not apply.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("error decoding patch: a JSON patch is a list of operations");
  if (patch.length > maxOperations)
    throw tooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  let result = document;
  let copiedBytes = 0;
  for (const item of patch) {
    const operation = parseOperation(item);
    if (operation.op === "copy") {
      copiedBytes += JSON.stringify(valueAt(result, operation.from, "copy")).length;
      if (copiedBytes > maxCopyBytes)
        throw unprocessable(
          `Unable to complete the copy, the accumulated size increase of copy is ${copiedBytes}, exceeding the limit ${maxCopyBytes}`,
        );
    }
    result = applyOperation(result, operation);
  }
  return result;
}

function tooLarge(message: string) {
  return failure(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
}

function parseOperation(item: unknown): Operation {
  if (!isJsonObject(item)) throw badRequest("error decoding patch: an operation is an object");
  const { op, path, from, value } = item;
  if (typeof path !== "string")
    throw unprocessable(`${String(op)} operation does not apply: path is missing`);
  switch (op) {
    case "add":
    case "replace":
    case "test":
      if (!Object.hasOwn(item, "value") && op !== "test")
        throw unprocessable(`${op} operation does not apply: value is missing`);
      return { op, path, value: value ?? null };
    case "remove":
      return { op, path };
    case "move":
    case "copy":
      if (typeof from !== "string") throw unprocessable(`${op} operation does not apply: from is missing`);
      return { op, path, from };
    default:
      throw badRequest(`Unexpected kind: ${String(op)}`);
  }
}

function applyOperation(document: unknown, operation: Operation): unknown {
  const { op, path } = operation;
  switch (op) {
    case "add":
      return write(document, path, operation.value, "add");
    case "replace":
      valueAt(document, path, "replace");
      return write(document, path, operation.value, "replace");
    case "remove":
      return removeAt(document, path, "remove");
    case "copy":
      return write(document, path, valueAt(document, operation.from, "copy"), "add");
    case "move": {
      if (path.startsWith(`${operation.from}/`))
        throw unprocessable(`move operation does not apply: ${operation.from} cannot be moved into itself`);
      const value = valueAt(document, operation.from, "move");
      return write(removeAt(document, operation.from, "move"), path, value, "add");
    }
    case "test": {
      // A missing member equals null, as upstream has it.
      const found = find(document, parsePointer(path));
      if (!jsonEqual(found ?? null, operation.value)) throw unprocessable(`testing value ${path} failed`);
      return document;
    }
  }
}

function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/"))
    throw unprocessable(`the path ${JSON.stringify(pointer)} does not begin with "/"`);
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function find(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const token of path) {
    if (Array.isArray(value)) value = value[listIndex(token, value.length) ?? value.length];
    else if (isJsonObject(value) && Object.hasOwn(value, token)) value = value[token];
    else return undefined;
  }
  return value;
}

/** Negative counts from the end; undefined when it is no index of an existing item. */
function listIndex(token: string, length: number): number | undefined {
  if (!/^(?:0|-?[1-9]\d*)$/.test(token)) return undefined;
  const number = Number(token);
  const index = number < 0 ? number + length : number;
  return index >= 0 && index < length ? index : undefined;
}

function valueAt(document: unknown, pointer: string, op: string): unknown {
  const value = find(document, parsePointer(pointer));
  if (value === undefined) throw missing(op, pointer);
  return value;
}

function missing(op: string, pointer: string) {
  return unprocessable(
    `${op} operation does not apply: doc is missing path: ${JSON.stringify(pointer)}: missing value`,
  );
}

function write(document: unknown, pointer: string, value: unknown, op: "add" | "replace"): unknown {
  return change(
    document,
    parsePointer(pointer),
    pointer,
    op,
    (parent, token) => {
      if (!Array.isArray(parent)) return { ...parent, [safeKey(token)]: value };
      if (op === "replace") return parent.with(existing(token, parent, pointer, op), value);
      return parent.toSpliced(insertion(token, parent, pointer), 0, value);
    },
    () => value,
  );
}

function removeAt(document: unknown, pointer: string, op: string): unknown {
  return change(
    document,
    parsePointer(pointer),
    pointer,
    op,
    (parent, token) => {
      if (Array.isArray(parent)) return parent.toSpliced(existing(token, parent, pointer, op), 1);
      if (!Object.hasOwn(parent, token)) throw missing(op, pointer);
      const { [token]: _, ...rest } = parent as Readonly<Record<string, unknown>>; // no list: checked above
      return rest;
    },
    () => null,
  );
}

type Container = readonly unknown[] | Readonly<Record<string, unknown>>;

/** Copies the path to the last token's container and lets `edit` make the new container. */
function change(
  value: unknown,
  path: readonly string[],
  pointer: string,
  op: string,
  edit: (parent: Container, token: string) => Container,
  whole: () => unknown,
): unknown {
  const [token, ...rest] = path;
  if (token === undefined) return whole();
  if (!Array.isArray(value) && !isJsonObject(value)) throw missing(op, pointer);
  if (rest.length === 0) return edit(value, token);
  if (Array.isArray(value)) {
    const index = existing(token, value, pointer, op);
    return value.with(index, change(value[index], rest, pointer, op, edit, whole));
  }
  if (!Object.hasOwn(value, token)) throw missing(op, pointer);
  return {
    ...value,
    [token]: change((value as Record<string, unknown>)[token], rest, pointer, op, edit, whole),
  };
}

function existing(token: string, list: readonly unknown[], pointer: string, op: string): number {
  const index = listIndex(token, list.length);
  if (index === undefined) throw missing(op, pointer);
  return index;
}

function insertion(token: string, list: readonly unknown[], pointer: string): number {
  if (token === "-" || token === String(list.length)) return list.length;
  return existing(token, list, pointer, "add");
}

function safeKey(token: string): string {
  if (token === "__proto__") throw unprocessable('the key "__proto__" is not allowed');
  return token;
}
