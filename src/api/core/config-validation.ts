/** Config maps and secrets: keys, sizes, and what may not change. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, configMapKey } from "../../apimachinery/names.ts";
import { jsonSyntaxError } from "../../apimachinery/schema/json-syntax-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { decodeBase64 } from "../../base/base64.ts";
import type { Strategy } from "../definition.ts";
import type { ConfigMap, Secret } from "./types.generated.ts";

type Errors = readonly FieldError[];
type Data = Readonly<Record<string, string>>;

/** Of all values together. */
const maxConfigBytes = 1024 * 1024;

/** The length of what base64 stands for. */
function decodedLength(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor(text.length / 4) * 3 - padding);
}

function keyErrors(path: string, data: Data | undefined): Errors {
  return Object.keys(data ?? {}).flatMap((key) =>
    field.invalidEach(field.at(path, key), key, configMapKey(key)),
  );
}

function totalBytes(data: Data | undefined, length: (value: string) => number): number {
  return Object.values(data ?? {}).reduce((total, value) => total + length(value), 0);
}

function validateConfigMap({ data, binaryData }: ConfigMap): Errors {
  const errors: FieldError[] = [];
  let bytes = 0;
  // One pass: to walk an object of 100,000 keys costs more than all that is asked of each.
  for (const key in data) {
    errors.push(...field.invalidEach(field.at("data", key), key, configMapKey(key)));
    if (binaryData?.[key] !== undefined)
      errors.push(field.invalid(field.at("data", key), key, "duplicate of key present in binaryData"));
    bytes += byteLength(data[key] ?? "");
  }
  errors.push(...keyErrors("binaryData", binaryData));
  if (bytes + totalBytes(binaryData, decodedLength) > maxConfigBytes)
    errors.push(field.tooLong("", maxConfigBytes));
  return errors;
}

/** Once `immutable` is set neither it nor what it protects can change. */
function frozenErrors<T extends ConfigMap | Secret>(
  object: T,
  old: T,
  names: readonly (keyof T & string)[],
): Errors {
  if (old.immutable !== true) return [];
  const detail = "field is immutable when `immutable` is set";
  return [
    ...(object.immutable === true ? [] : [field.forbidden("immutable", detail)]),
    ...names.flatMap((name) =>
      field.semanticEqual(object[name], old[name]) ? [] : [field.forbidden(name, detail)],
    ),
  ];
}

export const configMapValidation: Strategy<ConfigMap> = {
  validate: validateConfigMap,
  validateUpdate: (object, old) => [
    ...frozenErrors(object, old, ["data", "binaryData"]),
    ...validateConfigMap(object),
  ],
};

/** Keys that secrets of a type must have. */
const requiredKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ["kubernetes.io/dockercfg", [".dockercfg"]],
  ["kubernetes.io/dockerconfigjson", [".dockerconfigjson"]],
  ["kubernetes.io/ssh-auth", ["ssh-privatekey"]],
  ["kubernetes.io/tls", ["tls.crt", "tls.key"]],
]);

const serviceAccountAnnotation = "kubernetes.io/service-account.name";

function validateSecret(secret: Secret): Errors {
  const { data = {}, type = "", metadata } = secret;
  const errors: FieldError[] = [...keyErrors("data", data)];
  if (totalBytes(data, decodedLength) > maxConfigBytes) errors.push(field.tooLong("data", maxConfigBytes));
  for (const key of requiredKeys.get(type) ?? [])
    if (data[key] === undefined || (type === "kubernetes.io/ssh-auth" && data[key] === ""))
      errors.push(field.required(field.at("data", key)));
  if (type === "kubernetes.io/service-account-token" && !metadata.annotations?.[serviceAccountAnnotation])
    errors.push(field.required(field.at("metadata.annotations", serviceAccountAnnotation)));
  if (type === "kubernetes.io/basic-auth" && data.username === undefined && data.password === undefined)
    errors.push(field.required("data[username]"), field.required("data[password]"));
  if (type.startsWith("kubernetes.io/dockerc"))
    errors.push(...dockerConfigErrors(requiredKeys.get(type)?.[0], data));
  return errors;
}

/** The content is JSON; it is a secret, so nothing of it is shown. */
function dockerConfigErrors(key: string | undefined, data: Data): Errors {
  const content = key === undefined ? undefined : data[key];
  if (key === undefined || content === undefined) return [];
  const fault = jsonObjectFault(new TextDecoder().decode(decodeBase64(content)));
  return fault === undefined
    ? []
    : [field.invalid(field.at("data", key), "<secret contents redacted>", fault)];
}

/** Why a text is not what Go decodes into a map, in its words. */
function jsonObjectFault(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return jsonSyntaxError(text);
  }
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const type = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
  return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

export const secretValidation: Strategy<Secret> = {
  validate: validateSecret,
  validateUpdate: (object, old) => [
    ...field.immutable("type", object.type, old.type),
    ...frozenErrors(object, old, ["data"]),
    ...validateSecret(object),
  ],
};
