import type { GroupVersionKind } from "../../../apimachinery/meta.ts";
import type { Field, Model, Shape } from "../../../apimachinery/schema/tables.ts";
import { type Random, randomBelow } from "../../../base/random.ts";

/** Objects that nearly are of a kind: drawn from its schema table, then wrong in a few places. */

const maxDepth = 7;

const words = [
  "a",
  "web",
  "default",
  "x-1",
  "kube-system",
  "app.kubernetes.io/name",
  "system:admin",
  "10.0.0.1",
  "Always",
  "TCP",
  "In",
  "Exists",
];
const poisons: readonly unknown[] = [
  "",
  "\0",
  "\ud800",
  "a".repeat(300),
  "../..",
  "__proto__",
  "constructor",
  "$patch",
  "%s%n",
  "-1",
  "1e309",
  "0x10",
  "٣",
  "NaN",
  "a\r\nb: c",
  "(((((a+)+)+)+)+)$",
  "[",
  "*/0 * * * *",
  "99999999999999999999Ei",
  "::/0",
  "256.1.1.1",
  "!!",
  "{{",
  -1,
  0,
  1.5,
  65_536,
  2 ** 31,
  2 ** 53,
  1e300,
  -0,
  true,
  false,
  null,
  [],
  {},
  [[]],
  [null],
  [{}],
  { "": "" },
  { constructor: null },
  { toString: 1 },
  { length: 5 },
  { toJSON: 1 },
  { valueOf: null, hasOwnProperty: 2 },
];

/** What every object has: a table that is asked for them by a text from outside must say no. */
const inherited = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"];

const pick = <T>(random: Random, from: readonly T[]): T => from[randomBelow(random, from.length)] as T; // below its length

/** One object; about one in four of its parts is poisoned where `share` is 0.25. */
export function generateObject(
  random: Random,
  { group, version, kind }: GroupVersionKind,
  model: Model,
  name: string,
  share: number,
): Record<string, unknown> {
  const generator = new Generator(random, share);
  const body = generator.model(model, 0);
  const metadata =
    random.next() < share ? generator.any() : { ...partsOf(body.metadata), name, namespace: undefined };
  return { ...body, apiVersion: group === "" ? version : `${group}/${version}`, kind, metadata };
}

const partsOf = (value: unknown) => (typeof value === "object" && value !== null ? value : {});

class Generator {
  readonly #random: Random;
  readonly #share: number;

  constructor(random: Random, share: number) {
    this.#random = random;
    this.#share = share;
  }

  any(): unknown {
    return pick(this.#random, poisons);
  }

  #text(): string {
    const value = this.any();
    return typeof value === "string" ? value : JSON.stringify(value);
  }

  model(model: Model, depth: number): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const field of model.fields) {
      const wanted = field.required ? 0.95 : 0.6 ** depth;
      if (this.#random.next() > wanted) continue;
      result[field.name] = this.#field(field, depth);
    }
    if (this.#random.next() < this.#share / 10)
      result[pick(this.#random, ["unknown", "constructor", "toString"])] = this.any();
    return result;
  }

  #field(field: Field, depth: number): unknown {
    if (this.#random.next() < this.#share / (2 + depth)) return this.any();
    return this.value(field.shape, depth);
  }

  value(shape: Shape, depth: number): unknown {
    const random = this.#random;
    if (depth > maxDepth)
      return shape.kind === "list" ? [] : shape.kind === "map" || shape.kind === "model" ? {} : undefined;
    const count = randomBelow(random, 3);
    switch (shape.kind) {
      case "string":
        if (shape.values !== undefined && random.next() < 0.7) return pick(random, shape.values);
        if (random.next() < this.#share) return pick(random, inherited);
        return random.next() < this.#share ? this.#text() : pick(random, words);
      case "bool":
        return random.next() < 0.5;
      case "int32":
      case "int64":
        return pick(random, [0, 1, 80, 443, -1, 65_536, 2 ** 31 - 1, 2 ** 31]);
      case "double":
        return random.next();
      case "bytes":
        return pick(random, ["", "aGk=", "!", "=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"]);
      case "quantity":
        return pick(random, ["1", "100m", "1Gi", "-1", "1e100", "1E", 5, "0.0000000001", "9".repeat(100)]);
      case "time":
      case "microTime":
        return pick(random, [
          "2026-01-01T00:00:00Z",
          "2026-01-01T00:00:00.123456+14:00",
          "0000-00-00T00:00:00Z",
          "now",
          "9999-12-31T23:59:59Z",
        ]);
      case "duration":
        return pick(random, ["1h", "-5m", "0", "1e9s", "9999999999h", "x"]);
      case "intOrString":
        return pick<unknown>(random, [80, "80", "25%", "1000%", "http", "-1", ""]);
      case "list":
        return Array.from({ length: count }, () => this.value(shape.item, depth + 1));
      case "map":
        return Object.fromEntries(
          Array.from({ length: count }, () => [
            random.next() < this.#share ? this.#text().replace("__proto__", "proto") : pick(random, words),
            this.value(shape.value, depth + 1),
          ]),
        );
      case "model":
        return this.model(shape.model, depth + 1);
      case "schemaOrArray":
      case "schemaOrBool":
      case "schemaOrStrings":
        return random.next() < 0.5
          ? this.model(shape.model, depth + 1)
          : pick<unknown>(random, [true, [], ["a"], [{}]]);
      default:
        return this.any();
    }
  }
}

/** The bytes with a few of them changed, cut or doubled. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let result = Buffer.from(bytes);
  for (let left = 1 + randomBelow(random, 4); left > 0; left--) {
    const at = randomBelow(random, Math.max(1, result.length));
    switch (randomBelow(random, 4)) {
      case 0:
        result = result.subarray(0, at);
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), result.subarray(Math.floor(at / 2))]);
        break;
      default:
        if (at < result.length) result[at] = randomBelow(random, 256);
    }
  }
  return result;
}
