/** Environment variables, and references to fields of pods and containers. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  configMapKey,
  dns1123Label,
  dns1123Subdomain,
  environmentVariableName,
  qualifiedName,
} from "../../apimachinery/names.ts";
import { canonicalQuantity } from "../../apimachinery/quantity.ts";
import * as field from "../../apimachinery/validation.ts";
import { pathBackstepErrors } from "./path-validation.ts";
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const environmentFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];

const volumeFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

/** All fields that a reference can name; where is another question. */
const knownFields = new Set([...environmentFields, ...volumeFields, "spec.restartPolicy", "status.phase"]);

const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];

export function validateEnv(path: string, variables: readonly EnvVar[] | undefined): Errors {
  return field.each(path, variables, (variable, at) => {
    const { name = "", value = "", valueFrom } = variable;
    const namePath = field.child(at, "name");
    const nameErrors =
      name === ""
        ? [field.required(namePath)]
        : field.invalidEach(namePath, name, environmentVariableName(name));
    if (valueFrom === undefined) return nameErrors;
    return [...nameErrors, ...validateSource(field.child(at, "valueFrom"), valueFrom, value)];
  });
}

function validateSource(path: string, source: EnvVarSource, value: string): Errors {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const errors: FieldError[] = [];
  if (fieldRef !== undefined)
    errors.push(...validateFieldSelector(field.child(path, "fieldRef"), fieldRef, environmentFields));
  if (resourceFieldRef !== undefined)
    errors.push(
      ...validateResourceFieldSelector(field.child(path, "resourceFieldRef"), resourceFieldRef, false),
    );
  for (const [name, reference] of Object.entries({ configMapKeyRef, secretKeyRef }))
    if (reference !== undefined) errors.push(...validateKeySelector(field.child(path, name), reference));
  if (fileKeyRef !== undefined) {
    const at = field.child(path, "fileKeyRef");
    errors.push(
      ...requiredOr(field.child(at, "key"), fileKeyRef.key, environmentVariableName),
      ...requiredOr(field.child(at, "volumeName"), fileKeyRef.volumeName, dns1123Label),
      ...(fileKeyRef.path
        ? pathBackstepErrors(field.child(at, "path"), fileKeyRef.path)
        : [field.required(field.child(at, "path"))]),
    );
  }
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(
    (reference) => reference !== undefined,
  ).length;
  if (count === 0)
    errors.push(
      field.invalid(
        path,
        "",
        "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
      ),
    );
  else if (value !== "")
    errors.push(field.invalid(path, "", "may not be specified when `value` is not empty"));
  else if (count > 1)
    errors.push(field.invalid(path, "", "may not have more than one field specified at a time"));
  return errors;
}

function requiredOr(
  path: string,
  value: string | undefined,
  check: (value: string) => readonly string[],
): Errors {
  if (value === undefined || value === "") return [field.required(path)];
  return field.invalidEach(path, value, check(value));
}

function validateKeySelector(
  path: string,
  { name = "", key }: { readonly name?: string; readonly key: string },
): Errors {
  return [
    ...field.invalidEach(field.child(path, "name"), name, dns1123Subdomain(name)),
    ...requiredOr(field.child(path, "key"), key, configMapKey),
  ];
}

/** `metadata.labels['app']` is the path `metadata.labels` with a subscript. */
function splitSubscript(fieldPath: string): { readonly path: string; readonly subscript?: string } {
  const match = /^(.*?)\['(.*)'\]$/s.exec(fieldPath);
  const [, path, subscript] = match ?? [];
  return path === undefined || subscript === undefined ? { path: fieldPath } : { path, subscript };
}

function validateFieldSelector(
  path: string,
  selector: ObjectFieldSelector,
  supported: readonly string[],
): Errors {
  const { apiVersion = "", fieldPath = "" } = selector;
  if (apiVersion === "") return [field.required(field.child(path, "apiVersion"))];
  if (fieldPath === "") return [field.required(field.child(path, "fieldPath"))];
  const split = splitSubscript(fieldPath);
  const problem = conversionProblem(apiVersion, fieldPath, split);
  if (problem !== undefined)
    return [
      field.invalid(field.child(path, "fieldPath"), fieldPath, `error converting fieldPath: ${problem}`),
    ];
  if (split.subscript !== undefined) {
    const key = split.path === "metadata.annotations" ? split.subscript.toLowerCase() : split.subscript;
    return field.invalidEach(path, key, qualifiedName(key));
  }
  return supported.includes(fieldPath)
    ? []
    : [field.notSupported(field.child(path, "fieldPath"), fieldPath, supported)];
}

function conversionProblem(
  apiVersion: string,
  fieldPath: string,
  { path, subscript }: ReturnType<typeof splitSubscript>,
): string | undefined {
  if (apiVersion !== "v1") return `unsupported pod version: ${apiVersion}`;
  if (subscript !== undefined)
    return path === "metadata.annotations" || path === "metadata.labels"
      ? undefined
      : `field label does not support subscript: ${fieldPath}`;
  return knownFields.has(fieldPath) ? undefined : `field label not supported: ${fieldPath}`;
}

export function validateVolumeFieldSelector(path: string, selector: ObjectFieldSelector): Errors {
  return validateFieldSelector(path, selector, volumeFields);
}

const byteDivisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

/** In a volume the container must be named: a volume is of the pod. */
export function validateResourceFieldSelector(
  path: string,
  selector: ResourceFieldSelector,
  inVolume: boolean,
): Errors {
  const { containerName = "", resource = "", divisor = "0" } = selector;
  const errors: FieldError[] = [];
  if (inVolume && containerName === "") errors.push(field.required(field.child(path, "containerName")));
  else if (resource === "") errors.push(field.required(field.child(path, "resource")));
  else if (!resourceFields.includes(resource) && !/^(requests|limits)\.hugepages-/.test(resource))
    errors.push(field.notSupported(field.child(path, "resource"), resource, resourceFields));
  return [...errors, ...divisorErrors(field.child(path, "divisor"), resource, canonicalQuantity(divisor))];
}

function divisorErrors(path: string, resource: string, divisor: string): Errors {
  if (divisor === "0" || resource === "") return [];
  const kind = resource.replace(/^(requests|limits)\./, "");
  if (kind === "cpu")
    return ["1m", "1"].includes(divisor)
      ? []
      : [field.invalid(path, resource, "only divisor's values 1m and 1 are supported with the cpu resource")];
  const name =
    kind === "memory" ? "memory" : kind === "ephemeral-storage" ? "local ephemeral storage" : "hugepages";
  if (byteDivisors.includes(divisor)) return [];
  const detail = `only divisor's values ${byteDivisors.join(", ")} are supported with the ${name} resource`;
  return [field.invalid(path, resource, detail)];
}

export function validateEnvFrom(path: string, sources: readonly EnvFromSource[] | undefined): Errors {
  return field.each(path, sources, ({ prefix = "", configMapRef, secretRef }, at) => {
    const errors: FieldError[] = [];
    if (prefix !== "")
      errors.push(...field.invalidEach(field.child(at, "prefix"), prefix, environmentVariableName(prefix)));
    for (const [name, reference] of Object.entries({ configMapRef, secretRef }))
      if (reference !== undefined)
        errors.push(...requiredOr(field.child(at, name, "name"), reference.name, dns1123Subdomain));
    if (configMapRef === undefined && secretRef === undefined)
      errors.push(field.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    else if (configMapRef !== undefined && secretRef !== undefined)
      errors.push(field.invalid(path, "", "may not have more than one field specified at a time"));
    return errors;
  });
}
