import { type Environment, Optional } from "@marcbachmann/cel-js";
import {
  asPrefix,
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  qualifiedName,
} from "../../names.ts";
import { hasFormat } from "../../structural-schema/formats.ts";
import { define, defineNamespace } from "./define.ts";

type Check = (value: string) => readonly string[];

/** `regexLength`: of the regular expression that upstream reckons its cost by. */
export class CelFormat {
  readonly check: Check;
  readonly regexLength: number;

  constructor(check: Check, regexLength: number) {
    this.check = check;
    this.regexLength = regexLength;
  }
}

const shaped =
  (format: string, message: string): Check =>
  (value) =>
    hasFormat(format, value) ? [] : [message];

const formats: Readonly<Record<string, CelFormat>> = Object.fromEntries(
  Object.entries({
    dns1123Label: [dns1123Label, 30],
    dns1123Subdomain: [dns1123Subdomain, 60],
    dns1035Label: [dns1035Label, 30],
    qualifiedName: [qualifiedName, 60],
    labelValue: [labelValue, 40],
    dns1123LabelPrefix: [asPrefix(dns1123Label), 30],
    dns1123SubdomainPrefix: [asPrefix(dns1123Subdomain), 60],
    dns1035LabelPrefix: [asPrefix(dns1035Label), 30],
    uri: [shaped("uri", "invalid URI"), 1103],
    uuid: [shaped("uuid", "does not match the UUID format"), 70],
    byte: [shaped("byte", "invalid base64"), 84],
    date: [shaped("date", "invalid date"), 71],
    datetime: [shaped("datetime", "invalid datetime"), 71],
  } satisfies Readonly<Record<string, readonly [Check, number]>>).map(([name, [check, length]]) => [
    name,
    new CelFormat(check, length),
  ]),
);

const type = "kubernetes.NamedFormat";

/** `!format.dns1123Label().validate(name).hasValue()` */
export function registerFormats(environment: Environment): void {
  environment.registerType(type, { ctor: CelFormat });
  defineNamespace(environment, "format", {
    [`named(string): optional<${type}>`]: (name: string) =>
      Object.hasOwn(formats, name) ? Optional.of(formats[name]) : Optional.none(),
    ...Object.fromEntries(
      Object.entries(formats).map(([name, format]) => [`${name}(): ${type}`, () => format]),
    ),
  });
  environment.registerOperator(`${type} == ${type}`, (left: unknown, right: unknown) => left === right);
  define(environment, {
    [`${type}.validate(string): optional<list<string>>`]: ({ check }: CelFormat, value: string) => {
      const reasons = check(value);
      return reasons.length === 0 ? Optional.none() : Optional.of([...reasons]);
    },
  });
}
