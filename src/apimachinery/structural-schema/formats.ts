import { dns1123Label, dns1123Subdomain } from "../names.ts";
import { parseCidr, parseIp, parseIpSloppily } from "../validation-ip.ts";

/** The string formats that schemas of custom resources may ask for; others are ignored. */
export function hasFormat(format: string, value: string): boolean {
  return checks[format.replaceAll("-", "")]?.(value) ?? true;
}

export function isKnownFormat(format: string): boolean {
  return Object.hasOwn(checks, format.replaceAll("-", ""));
}

const matches = (pattern: RegExp) => (value: string) => pattern.test(value);

const uuid = (version: string, variant = "[0-9a-f]") =>
  matches(
    new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`, "i"),
  );

const hostname =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.))+([a-zA-Z\p{L}]){2,63})$/u;

const isHostname = (value: string) =>
  hostname.test(value) && value.length <= 255 && value.split(".").every((label) => label.length <= 63);

/** What may stand in the first line of a request: an absolute path, or a whole URL. */
function isUri(value: string): boolean {
  if (value.startsWith("/")) return !/\p{Cc}|%(?![0-9a-fA-F]{2})/u.test(value);
  try {
    return new URL(value).protocol !== "";
  } catch {
    return false;
  }
}

/** As mail headers write one: `a@b.c`, `<a@b.c>`, `Name <a@b.c>`. */
const letter = "A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-";
const atom = `[${letter}]+`;
const quoted = '"(?:[^"\\\\\\x00-\\x1f]|\\\\[\\x20-\\x7e])*"';
const dotAtom = `${atom}(?:\\.${atom})*`;
const address = `(?:${dotAtom}|${quoted})@(?:${dotAtom}|\\[[^\\[\\]\\\\\\s]*\\])`;
const email = new RegExp(`^\\s*(?:${address}|(?:[${letter}.\\s]|${quoted})*<${address}>)\\s*$`);

/** Zeros at the beginning of an IPv4 part are taken. */
const isCidr = (value: string) => parseCidr(value.replace(/(^|\.)0+(?=\d)/g, "$1")) !== undefined;

function isDate(value: string): boolean {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value);
  if (match === null) return false;
  const [, year, month, day] = match.map(Number);
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day ?? 0));
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

function isDateTime(value: string): boolean {
  const [date = "", time] = value.toLowerCase().split("t");
  const match = /^(\d{2}):(\d{2}):(\d{2})(.\d+)?(z|[+-]\d{2}:\d{2})$/u.exec(time ?? "");
  if (match === null || !isDate(date)) return false;
  const [, hours = "", minutes = "", seconds = ""] = match;
  return hours <= "23" && minutes <= "59" && seconds <= "59";
}

const goDuration = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** Go's durations, and wherever in a text numbers have units as Scala names them: "22 ns", "3 days". */
function isDuration(value: string): boolean {
  if (goDuration.test(value)) return true;
  const units = [...value.matchAll(/\d+\s*([A-Za-zµ]+)/g)].map(([, unit = ""]) => unit.toLowerCase());
  return units.some((unit) => durationUnits.test(unit));
}

/** Of each unit's names, the last may go on: "nanos". */
const durationUnits = /^(?:ns|us|µs|ms|s|m|h|hr|d|w|wk)$|^(?:nano|micro|milli|sec|min|hour|day|week)/;

function isIsbn10(value: string): boolean {
  const digits = value.replace(/[\s-]/g, "");
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (index + 1) * (digit === "X" ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(value: string): boolean {
  const digits = value.replace(/[\s-]/g, "");
  if (!/^\d{13}$/.test(digits)) return false;
  return (
    [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 ===
    0
  );
}

function isCreditCard(value: string): boolean {
  const digits = value.replace(/[^\d]/g, "");
  if (!creditCard.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const weighed = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (weighed > 9 ? weighed - 9 : weighed);
  }, 0);
  return sum % 10 === 0;
}

const creditCard =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;

const checks: Readonly<Record<string, (value: string) => boolean>> = {
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  uri: isUri,
  email: matches(email),
  hostname: isHostname,
  ipv4: (value) => value.includes(".") && parseIpSloppily(value) !== undefined,
  ipv6: (value) => parseIp(value)?.family === 6,
  cidr: isCidr,
  mac: matches(
    /^(?:[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4,6}|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2,3})$/,
  ),
  uuid: uuid("[0-9a-f]"),
  uuid3: uuid("3"),
  uuid4: uuid("4", "[89ab]"),
  uuid5: uuid("5", "[89ab]"),
  isbn: (value) => isIsbn10(value) || isIsbn13(value),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matches(
    /^rgb\(\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])(?:\s*,\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])){2}\s*\)$/,
  ),
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (value) => dns1123Label(value).length === 0,
  k8slongname: (value) => dns1123Subdomain(value).length === 0,
};
