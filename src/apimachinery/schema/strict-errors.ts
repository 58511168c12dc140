import { endOfString } from "./json-text.ts";
import type { Model, Shape } from "./tables.ts";

/** Upstream's decoder keeps this many and goes on silently. */
const maxStrictErrors = 100;

/**
 * Says what a strict decoder objects to in valid JSON, in the order of the text: `unknown field "spec.foo"`,
 * `duplicate field "spec.foo"`. Without a model every key is known and only duplicates count.
 */
export function strictErrors(text: string, model: Model | undefined): string[] {
  const scanner = new StrictScanner(text);
  scanner.value(model === undefined ? anything : { kind: "model", model }, "");
  return [...scanner.errors];
}

/** Free-form JSON whose duplicates are looked for, as upstream does in unstructured objects. */
const anything = { kind: "anything" } as const;
/** Free-form JSON that is passed on as bytes: nothing inside is looked at. */
const opaque = { kind: "opaque" } as const;

type ScanShape = Shape | typeof anything | typeof opaque;

class StrictScanner {
  readonly errors = new Set<string>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(shape: ScanShape, path: string): void {
    const next = this.#peek();
    if (next === "{") this.#object(shape, path);
    else if (next === "[") this.#array(shape, path);
    else if (next === '"') this.#string();
    else this.#scalar();
  }

  #object(shape: ScanShape, path: string): void {
    const seen = new Set<string>();
    this.#at++;
    while (this.#peek() !== "}") {
      const key = this.#string();
      this.#peek();
      this.#at++; // the colon
      const memberPath = path === "" ? key : `${path}.${key}`;
      const member = memberShape(shape, key);
      if (member === undefined) this.#report(`unknown field "${memberPath}"`);
      else if (seen.has(key) && shape.kind !== "opaque") this.#report(`duplicate field "${memberPath}"`);
      seen.add(key);
      this.value(member ?? opaque, memberPath);
      if (this.#peek() === ",") this.#at++;
    }
    this.#at++;
  }

  #array(shape: ScanShape, path: string): void {
    const item = itemShape(shape);
    this.#at++;
    for (let index = 0; this.#peek() !== "]"; index++) {
      this.value(item, `${path}[${index}]`);
      if (this.#peek() === ",") this.#at++;
    }
    this.#at++;
  }

  #string(): string {
    this.#peek();
    const end = endOfString(this.#text, this.#at);
    const raw = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return JSON.parse(raw) as string;
  }

  #scalar(): void {
    while (this.#at < this.#text.length && !",]} \t\r\n".includes(this.#text.charAt(this.#at))) this.#at++;
  }

  #peek(): string {
    while (" \t\r\n".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
    return this.#text.charAt(this.#at);
  }

  #report(message: string): void {
    if (this.errors.size < maxStrictErrors) this.errors.add(message);
  }
}

/** Undefined: the model has no such field. */
function memberShape(shape: ScanShape, key: string): ScanShape | undefined {
  switch (shape.kind) {
    case "model":
    case "schemaOrArray":
    case "schemaOrBool":
    case "schemaOrStrings":
      return shape.model.field(key)?.shape;
    case "map":
      return shape.value;
    case "anything":
      return anything;
    default:
      return opaque;
  }
}

function itemShape(shape: ScanShape): ScanShape {
  if (shape.kind === "list") return shape.item;
  if (shape.kind === "schemaOrArray") return { kind: "model", model: shape.model };
  return shape.kind === "anything" ? anything : opaque;
}
