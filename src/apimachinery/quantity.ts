/**
 * Amounts of resources: apimachinery's `resource.Quantity`. A fixed-point number, exact, with the notation it was
 * written in, so that `512Mi` plus `512Mi` is `1Gi` and `0.5` is `500m`.
 */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Quantity {
  /** The amount is `unscaled * 10 ** scale`. */
  readonly unscaled: bigint;
  /** -9 at the least. */
  readonly scale: number;
  readonly format: QuantityFormat;
  /** The text it was parsed from, where that stands for itself. */
  readonly text?: string;
}

/** What cannot be read as a quantity; the messages are upstream's. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

const wrongFormat =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongNumber = "unable to parse numeric part of quantity";
const wrongSuffix = "unable to parse quantity's suffix";

const decimalExponents: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binaryExponents: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalSuffixes = new Map(Object.entries(decimalExponents).map(([suffix, power]) => [power, suffix]));
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const smallestScale = -9;
const maxInt64 = 2n ** 63n - 1n;
/** Exponents beyond this are refused rather than computed: 10 ** 1e9 would take all memory. */
const maxExponent = 1_000;
const maxLength = 256;

export const zeroQuantity: Quantity = { unscaled: 0n, scale: 0, format: "DecimalSI" };

/** The same few texts stand in every pod, and are read again by each who looks at it. */
const known = new Map<string, Quantity>();
const maxKnown = 1000;

/** Throws `QuantityError`. A number stands for its decimal text, as in JSON without quotes. */
export function parseQuantity(input: string | number): Quantity {
  const text = String(input);
  let quantity = known.get(text);
  if (quantity === undefined) {
    quantity = readQuantity(text.trim());
    if (known.size >= maxKnown) known.clear();
    if (text.length <= maxLength) known.set(text, quantity);
  }
  return quantity;
}

function readQuantity(text: string): Quantity {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/.exec(text);
  if (text === "" || text.length > maxLength || match === null) throw new QuantityError(wrongFormat);
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
  if (whole === "" && fraction === "") throw new QuantityError(suffix === "" ? wrongFormat : wrongNumber);
  const digits = BigInt(whole + fraction);
  const amount = sign === "-" ? -digits : digits;
  const binary = binaryExponents[suffix];
  if (binary !== undefined) return binaryQuantity(amount, fraction.length, binary);
  const { power, format } = decimalSuffix(suffix);
  const parsed = roundedUp({ unscaled: amount, scale: power - fraction.length, format });
  return keepsText(whole.replace(/^0+/, ""), fraction, parsed) ? { ...parsed, text } : parsed;
}

function decimalSuffix(suffix: string): { power: number; format: QuantityFormat } {
  const power = decimalExponents[suffix];
  if (power !== undefined) return { power, format: "DecimalSI" };
  const exponent = /^[eE]([+-]?\d+)$/.exec(suffix);
  if (exponent === null || Math.abs(Number(exponent[1])) > maxExponent) throw new QuantityError(wrongSuffix);
  return { power: Number(exponent[1]), format: "DecimalExponent" };
}

function binaryQuantity(amount: bigint, fractionDigits: number, power: number): Quantity {
  const scaled = roundedUp({ unscaled: amount << BigInt(power), scale: -fractionDigits, format: "BinarySI" });
  const atLeastOne = compareQuantity(scaled, { unscaled: 1n, scale: 0, format: "BinarySI" }) >= 0;
  if (scaled.unscaled > 0n && !atLeastOne) return { ...scaled, format: "DecimalSI" };
  const capped = scaledTo(scaled, 0);
  return capped > maxInt64 ? { unscaled: maxInt64, scale: 0, format: "BinarySI" } : scaled;
}

/** Upstream keeps the text of short decimals that are whole in some SI unit: 1.500 stays 1.500, 1.50 becomes 1500m. */
function keepsText(whole: string, fraction: string, { scale }: Quantity): boolean {
  const digits = (whole === "" ? "0" : whole) + fraction;
  return (
    digits.length <= 18 &&
    scale >= smallestScale &&
    scale % 3 === 0 &&
    !digits.endsWith("000") &&
    digits[0] !== "0"
  );
}

/** Nothing smaller than a nano is kept: some of a resource stays some. */
function roundedUp(quantity: Quantity): Quantity {
  if (quantity.scale >= smallestScale) return quantity;
  return { unscaled: scaledTo(quantity, smallestScale), scale: smallestScale, format: quantity.format };
}

/** The amount in units of `10 ** scale`, rounded away from zero. */
export function scaledTo(quantity: Quantity, scale: number): bigint {
  const shift = quantity.scale - scale;
  if (shift >= 0) return quantity.unscaled * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  const quotient = quantity.unscaled / divisor;
  if (quotient * divisor === quantity.unscaled) return quotient;
  return quantity.unscaled > 0n ? quotient + 1n : quotient - 1n;
}

/** The canonical text: no precision lost, no fraction, the largest suffix. */
export function formatQuantity(quantity: Quantity): string {
  if (quantity.text !== undefined) return quantity.text;
  if (quantity.unscaled === 0n) return "0";
  if (quantity.format === "BinarySI") {
    const whole = scaledTo(quantity, 0);
    const exact = compareQuantity({ unscaled: whole, scale: 0, format: "BinarySI" }, quantity) === 0;
    if (exact && (whole >= 1024n || whole <= -1024n)) return formatBinary(whole);
  }
  return formatDecimal(quantity);
}

function formatBinary(whole: bigint): string {
  let rest = whole;
  let thousands = 0;
  while ((rest >= 1024n || rest <= -1024n) && rest % 1024n === 0n) {
    rest /= 1024n;
    thousands++;
  }
  return `${rest}${binarySuffixes[thousands]}`;
}

function formatDecimal(quantity: Quantity): string {
  let { unscaled, scale } = quantity;
  while (unscaled % 10n === 0n) {
    unscaled /= 10n;
    scale++;
  }
  while (scale % 3 !== 0) {
    unscaled *= 10n;
    scale--;
  }
  if (quantity.format === "DecimalExponent") return scale === 0 ? `${unscaled}` : `${unscaled}e${scale}`;
  const suffix = decimalSuffixes.get(scale);
  return suffix === undefined ? `${unscaled}e${scale}` : `${unscaled}${suffix}`;
}

/** `1024Mi` to `1Gi`, `0.5` to `500m`: as the API server writes what it was sent. Throws `QuantityError`. */
export function canonicalQuantity(input: string | number): string {
  // Most are whole and small, and canonical already.
  if (typeof input === "string" && /^[1-9]\d{0,1}(?:[mkMGTPE]|[KMGTPE]i)?$/.test(input)) return input;
  return formatQuantity(parseQuantity(input));
}

function aligned(left: Quantity, right: Quantity): { a: bigint; b: bigint; scale: number } {
  const scale = Math.min(left.scale, right.scale);
  return { a: scaledTo(left, scale), b: scaledTo(right, scale), scale };
}

export function compareQuantity(left: Quantity, right: Quantity): -1 | 0 | 1 {
  const { a, b } = aligned(left, right);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The sum, in the notation of `left` unless that is zero. */
export function addQuantity(left: Quantity, right: Quantity): Quantity {
  const { a, b, scale } = aligned(left, right);
  return { unscaled: a + b, scale, format: left.unscaled === 0n ? right.format : left.format };
}

/** The difference, in the notation of `left` unless that is zero. */
export function subtractQuantity(left: Quantity, right: Quantity): Quantity {
  const { a, b, scale } = aligned(left, right);
  return { unscaled: a - b, scale, format: left.unscaled === 0n ? right.format : left.format };
}

/** A whole number of units: bytes, pods, cores. */
export function quantityOf(value: number, format: QuantityFormat = "DecimalSI"): Quantity {
  return { unscaled: BigInt(value), scale: 0, format };
}

/** The amount in whole units, rounded up. Throws `QuantityError` for a text that is no quantity. */
export function quantityValue(quantity: Quantity | string): number {
  return typeof quantity === "string"
    ? (simpleAmount(quantity, 1) ?? scaledNumber(quantity, 0))
    : scaledNumber(quantity, 0);
}

/** The amount in thousandths, rounded up. Throws `QuantityError` for a text that is no quantity. */
export function quantityMilliValue(quantity: Quantity | string): number {
  return typeof quantity === "string"
    ? (simpleAmount(quantity, 1000) ?? scaledNumber(quantity, -3))
    : scaledNumber(quantity, -3);
}

function scaledNumber(quantity: Quantity | string, scale: number): number {
  return Number(scaledTo(typeof quantity === "string" ? parseQuantity(quantity) : quantity, scale));
}

const simpleUnits: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** The common short texts without big integers: schedulers and kubelets ask for these all day. */
function simpleAmount(text: string, units: 1 | 1000): number | undefined {
  const match = /^(\d{1,6})(m|k|M|G|Ki|Mi|Gi|)$/.exec(text);
  if (match === null) return undefined;
  const amount = Number(match[1]);
  if (match[2] === "m") return units === 1000 ? amount : Math.ceil(amount / 1000);
  return amount * (simpleUnits[match[2] ?? ""] ?? 1) * units;
}
