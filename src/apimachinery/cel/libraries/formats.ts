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

class CelFormat {
  readonly check: Check;

  constructor(check: Check) {
    this.check = check;
  }
}

const shaped =
  (format: string, message: string): Check =>
  (value) =>
    hasFormat(format, value) ? [] : [message];

const formats: Readonly<Record<string, CelFormat>> = Object.fromEntries(
  Object.entries({
    dns1123Label,
    dns1123Subdomain,
    dns1035Label,
    qualifiedName,
    labelValue,
    dns1123LabelPrefix: asPrefix(dns1123Label),
    dns1123SubdomainPrefix: asPrefix(dns1123Subdomain),
    dns1035LabelPrefix: asPrefix(dns1035Label),
    uri: shaped("uri", "invalid URI"),
    uuid: shaped("uuid", "does not match the UUID format"),
    byte: shaped("byte", "invalid base64"),
    date: shaped("date", "invalid date"),
    datetime: shaped("datetime", "invalid datetime"),
  } satisfies Readonly<Record<string, Check>>).map(([name, check]) => [name, new CelFormat(check)]),
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
  define(environment, {
    [`${type}.validate(string): optional<list<string>>`]: ({ check }: CelFormat, value: string) => {
      const reasons = check(value);
      return reasons.length === 0 ? Optional.none() : Optional.of([...reasons]);
    },
  });
}
