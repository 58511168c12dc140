import type { Environment } from "@marcbachmann/cel-js";
import {
  addQuantity,
  compareQuantity,
  parseQuantity,
  type Quantity,
  quantityOf,
  subtractQuantity,
} from "../../quantity.ts";
import { runtimeError } from "../errors.ts";
import { define } from "./define.ts";

class CelQuantity {
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }
}

class CelSemver {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
}

const quantity = "kubernetes.Quantity";
const semver = "kubernetes.Semver";

export function registerNumbers(environment: Environment): void {
  environment.registerType(quantity, { ctor: CelQuantity });
  environment.registerType(semver, { ctor: CelSemver });
  const compare = (a: CelQuantity, b: CelQuantity) => compareQuantity(a.quantity, b.quantity);
  const ofInt = (value: bigint) => quantityOf(Number(value));
  define(environment, {
    [`quantity(string): ${quantity}`]: quantityFrom,
    "isQuantity(string): bool": (text: string) => readQuantity(text) !== undefined,
    [`${quantity}.sign(): int`]: ({ quantity: { unscaled } }: CelQuantity) =>
      unscaled > 0n ? 1n : unscaled < 0n ? -1n : 0n,
    [`${quantity}.isInteger(): bool`]: ({ quantity: value }: CelQuantity) => integerOf(value) !== undefined,
    [`${quantity}.asInteger(): int`]: ({ quantity: value }: CelQuantity) => {
      const whole = integerOf(value);
      if (whole === undefined) throw runtimeError("cannot convert value to integer");
      return whole;
    },
    [`${quantity}.asApproximateFloat(): double`]: ({ quantity: value }: CelQuantity) =>
      Number(value.unscaled) * 10 ** value.scale,
    [`${quantity}.isGreaterThan(${quantity}): bool`]: (a: CelQuantity, b: CelQuantity) => compare(a, b) > 0,
    [`${quantity}.isLessThan(${quantity}): bool`]: (a: CelQuantity, b: CelQuantity) => compare(a, b) < 0,
    [`${quantity}.compareTo(${quantity}): int`]: (a: CelQuantity, b: CelQuantity) => BigInt(compare(a, b)),
    [`${quantity}.add(${quantity}): ${quantity}`]: (a: CelQuantity, b: CelQuantity) =>
      new CelQuantity(addQuantity(a.quantity, b.quantity)),
    [`${quantity}.add(int): ${quantity}`]: (a: CelQuantity, b: bigint) =>
      new CelQuantity(addQuantity(a.quantity, ofInt(b))),
    [`${quantity}.sub(${quantity}): ${quantity}`]: (a: CelQuantity, b: CelQuantity) =>
      new CelQuantity(subtractQuantity(a.quantity, b.quantity)),
    [`${quantity}.sub(int): ${quantity}`]: (a: CelQuantity, b: bigint) =>
      new CelQuantity(subtractQuantity(a.quantity, ofInt(b))),
    [`semver(string): ${semver}`]: (text: string) => semverFrom(text, false),
    [`semver(string, bool): ${semver}`]: semverFrom,
    "isSemver(string): bool": (text: string) => readSemver(text, false) !== undefined,
    "isSemver(string, bool): bool": (text: string, normalize: boolean) =>
      readSemver(text, normalize) !== undefined,
    [`${semver}.major(): int`]: ({ numbers }: CelSemver) => numbers[0],
    [`${semver}.minor(): int`]: ({ numbers }: CelSemver) => numbers[1],
    [`${semver}.patch(): int`]: ({ numbers }: CelSemver) => numbers[2],
    [`${semver}.isGreaterThan(${semver}): bool`]: (a: CelSemver, b: CelSemver) => compareSemver(a, b) > 0,
    [`${semver}.isLessThan(${semver}): bool`]: (a: CelSemver, b: CelSemver) => compareSemver(a, b) < 0,
    [`${semver}.compareTo(${semver}): int`]: (a: CelSemver, b: CelSemver) => BigInt(compareSemver(a, b)),
  });
  environment.registerOperator(
    `${quantity} == ${quantity}`,
    (a: CelQuantity, b: CelQuantity) => compare(a, b) === 0,
  );
  environment.registerOperator(
    `${semver} == ${semver}`,
    (a: CelSemver, b: CelSemver) => compareSemver(a, b) === 0,
  );
}

function readQuantity(text: string): CelQuantity | undefined {
  try {
    return new CelQuantity(parseQuantity(text));
  } catch {
    return undefined;
  }
}

function quantityFrom(text: string): CelQuantity {
  const found = readQuantity(text);
  if (found === undefined)
    throw runtimeError(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  return found;
}

function integerOf({ unscaled, scale }: Quantity): bigint | undefined {
  if (scale >= 0) return unscaled * 10n ** BigInt(scale);
  const unit = 10n ** BigInt(-scale);
  return unscaled % unit === 0n ? unscaled / unit : undefined;
}

const semverPattern =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

/** `normalize` takes "v1.2", fills in what is missing and drops leading zeros. */
function readSemver(text: string, normalize: boolean): CelSemver | undefined {
  const match = semverPattern.exec(normalize ? normalized(text) : text);
  if (match === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", prerelease] = match;
  return new CelSemver(
    [BigInt(major), BigInt(minor), BigInt(patch)],
    prerelease === undefined ? [] : prerelease.split("."),
  );
}

function normalized(text: string): string {
  const [, core = "", rest = ""] = /^v?([^-+]*)(.*)$/.exec(text.trim()) ?? [];
  const numbers = core.split(".").map((part) => part.replace(/^0+(?=\d)/, ""));
  while (numbers.length < 3 && rest === "") numbers.push("0");
  return numbers.join(".") + rest;
}

function semverFrom(text: string, normalize: boolean): CelSemver {
  const found = readSemver(text, normalize);
  if (found === undefined) throw runtimeError(`Invalid semantic version: ${JSON.stringify(text)}`);
  return found;
}

function compareSemver(left: CelSemver, right: CelSemver): number {
  for (const index of [0, 1, 2] as const) {
    if (left.numbers[index] < right.numbers[index]) return -1;
    if (left.numbers[index] > right.numbers[index]) return 1;
  }
  if (left.prerelease.length === 0 || right.prerelease.length === 0)
    return Math.sign(right.prerelease.length - left.prerelease.length);
  for (let index = 0; index < Math.max(left.prerelease.length, right.prerelease.length); index++) {
    const a = left.prerelease[index];
    const b = right.prerelease[index];
    if (a === undefined) return -1;
    if (b === undefined) return 1;
    if (a === b) continue;
    const numeric = [/^\d+$/.test(a), /^\d+$/.test(b)];
    if (numeric[0] === true && numeric[1] === true) return Number(a) < Number(b) ? -1 : 1;
    if (numeric[0] !== numeric[1]) return numeric[0] === true ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return 0;
}
