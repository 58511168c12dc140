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

/** How many list items all insertions and removals of a patch may push aside together. */
const maxMovedItems = 20_000_000;

/**
 * Applies `patch`, a parsed JSON patch, to a copy of `document`. Throws `ApiError`: 400 for what is no JSON patch, 413
 * for one that is too long or moves or copies too much, 422 for one that does not apply.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > maxOperations)
    throw tooLarge(`The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  const draft = new Draft(document);
  try {
    for (const item of patch) draft.apply(parseOperation(item));
  } catch (error) {
    // Operations can nest a value deeper than the stack is: such a value is compared or copied by recursion.
    if (error instanceof RangeError) throw unprocessable("the document nests too deep");
    throw error;
  }
  return draft.root;
}

function tooLarge(message: string) {
  return failure(413, "RequestEntityTooLarge", `Request entity too large: ${message}`);
}

function parseOperation(item: unknown): Operation {
  if (!isJsonObject(item)) throw unprocessable("an operation is an object");
  const { op, path, from, value } = item;
  if (typeof path !== "string")
    throw unprocessable(`${String(op)} operation does not apply: path is missing`);
  switch (op) {
    case "add":
    case "replace":
    case "test":
      // Upstream's library takes a value that is not given for null.
      return { op, path, value: value ?? null };
    case "remove":
      return { op, path };
    case "move":
    case "copy":
      if (typeof from !== "string") throw unprocessable(`${op} operation does not apply: from is missing`);
      return { op, path, from };
    default:
      throw unprocessable(`Unexpected kind: ${String(op)}`);
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

/** What stands at a path: null for a member that an object does not have, as upstream's library has it. */
function valueAt(document: unknown, pointer: string, op: string): unknown {
  const path = parsePointer(pointer);
  const value = find(document, path);
  if (value !== undefined) return value;
  if (path.length > 0 && isJsonObject(find(document, path.slice(0, -1)))) return null;
  throw missing(op, pointer);
}

function missing(op: string, pointer: string) {
  return unprocessable(
    `${op} operation does not apply: doc is missing path: ${JSON.stringify(pointer)}: missing value`,
  );
}

type Container = unknown[] | Record<string, unknown>;

/**
 * A document under change. The first change of an object or list copies it, later ones change the copy in place: ten thousand
 * changes of a long map cost one copy of it.
 */
class Draft {
  root: unknown;
  readonly #own = new WeakSet<object>();
  #copiedBytes = 0;
  #movedItems = 0;

  constructor(document: unknown) {
    this.root = document;
  }

  apply(operation: Operation): void {
    const { op, path } = operation;
    switch (op) {
      case "add":
        this.#write(path, operation.value, op);
        break;
      case "replace":
        valueAt(this.root, path, op);
        this.#write(path, operation.value, op);
        break;
      case "remove":
        this.#remove(path, op);
        break;
      case "copy":
        this.#write(path, this.#copyOf(operation.from), "add");
        break;
      case "move": {
        if (path.startsWith(`${operation.from}/`))
          throw unprocessable(`move operation does not apply: ${operation.from} cannot be moved into itself`);
        const value = valueAt(this.root, operation.from, op);
        this.#remove(operation.from, op);
        this.#write(path, value, "add");
        break;
      }
      case "test": {
        // A missing member equals null, as upstream has it.
        const found = find(this.root, parsePointer(path));
        if (!jsonEqual(found ?? null, operation.value)) throw unprocessable(`testing value ${path} failed`);
      }
    }
  }

  #copyOf(from: string): unknown {
    const text = JSON.stringify(valueAt(this.root, from, "copy"));
    this.#copiedBytes += text.length;
    if (this.#copiedBytes > maxCopyBytes)
      throw unprocessable(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${maxCopyBytes}`,
      );
    // A copy in truth: what changes in place must not stand in two places.
    return JSON.parse(text);
  }

  #write(pointer: string, value: unknown, op: "add" | "replace"): void {
    const path = parsePointer(pointer);
    const token = path.pop();
    if (token === undefined) {
      this.root = value;
      return;
    }
    const parent = this.#container(path, pointer, op);
    if (!Array.isArray(parent)) parent[safeKey(token)] = value;
    else if (op === "replace") parent[existing(token, parent, pointer, op)] = value;
    else {
      const index = insertion(token, parent, pointer);
      this.#move(parent.length - index);
      parent.splice(index, 0, value);
    }
  }

  #remove(pointer: string, op: string): void {
    const path = parsePointer(pointer);
    const token = path.pop();
    if (token === undefined) {
      this.root = null;
      return;
    }
    const parent = this.#container(path, pointer, op);
    if (Array.isArray(parent)) {
      const index = existing(token, parent, pointer, op);
      this.#move(parent.length - index);
      parent.splice(index, 1);
    } else {
      if (!Object.hasOwn(parent, token)) throw missing(op, pointer);
      delete parent[token];
    }
  }

  /** What stands at a path, changeable. */
  #container(path: readonly string[], pointer: string, op: string): Container {
    let container = this.#changeable(this.root, pointer, op);
    this.root = container;
    for (const token of path) {
      const key = Array.isArray(container) ? existing(token, container, pointer, op) : token;
      if (!Object.hasOwn(container, key)) throw missing(op, pointer);
      const members = container as Record<string | number, unknown>; // a list by its index, an object by its key
      const member = this.#changeable(members[key], pointer, op);
      members[key] = member;
      container = member;
    }
    return container;
  }

  #changeable(value: unknown, pointer: string, op: string): Container {
    if (!Array.isArray(value) && !isJsonObject(value)) throw missing(op, pointer);
    if (this.#own.has(value)) return value as Container; // its own copy
    const copy = Array.isArray(value) ? [...value] : { ...value };
    this.#own.add(copy);
    return copy;
  }

  #move(items: number): void {
    this.#movedItems += items;
    if (this.#movedItems > maxMovedItems)
      throw tooLarge(`The allowed maximum of list items moved by a JSON patch is ${maxMovedItems}`);
  }
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
