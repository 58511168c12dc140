import { jsonSyntaxError } from "../../../apimachinery/schema/json-syntax-error.ts";
import { parseDocument } from "../../configuration/strict-decode.ts";

/** Upstream's `abac.authorization.kubernetes.io` Policy, unversioned ones brought to the form of v1beta1. */
export interface AbacPolicy {
  /** Of user and group each that is said must be the asker's; one of them must be said. */
  readonly user: string;
  readonly group: string;
  readonly readonly: boolean;
  /** "*": any. "" is the core group. */
  readonly apiGroup: string;
  readonly resource: string;
  readonly namespace: string;
  /** May end in "*". */
  readonly nonResourcePath: string;
}

export interface AbacPolicyFile {
  readonly policies: readonly AbacPolicy[];
  /** Lines without a version, which their author should be warned of. */
  readonly unversioned: number;
}

const group = "abac.authorization.kubernetes.io";
const everybody = "system:authenticated";
const fieldTypes = {
  user: "string",
  group: "string",
  readonly: "bool",
  apiGroup: "string",
  resource: "string",
  namespace: "string",
  nonResourcePath: "string",
} as const;

/** Reads the lines of `--authorization-policy-file`. Rejects with an Error that names the line, with upstream's words. */
export async function parsePolicyFile(text: string, path: string): Promise<AbacPolicyFile> {
  const policies: AbacPolicy[] = [];
  let unversioned = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    try {
      const { policy, versioned } = policyOf(await parse(line));
      policies.push(policy);
      if (!versioned) unversioned++;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`error reading policy file ${path}, line ${index + 1}: ${line}: ${why}`);
    }
  }
  return { policies, unversioned };
}

function policyOf(object: Readonly<Record<string, unknown>>): {
  readonly policy: AbacPolicy;
  readonly versioned: boolean;
} {
  const kind = textOf(object.kind, "kind");
  const apiVersion = textOf(object.apiVersion, "apiVersion");
  if (kind !== "" && apiVersion !== "" && (kind !== "Policy" || !isKnown(apiVersion)))
    throw new Error(
      `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/apis/abac/register.go:33"`,
    );
  if (kind !== "" && apiVersion === `${group}/v1beta1`)
    return { policy: versionedPolicy(object.spec), versioned: true };
  return { policy: unversionedPolicy(object), versioned: apiVersion !== "" };
}

function isKnown(apiVersion: string): boolean {
  return apiVersion === `${group}/v1beta1` || apiVersion === `${group}/v0`;
}

/** JSON, or what YAML has on one line. */
async function parse(line: string): Promise<Readonly<Record<string, unknown>>> {
  let value: unknown;
  try {
    value = line.trim().startsWith("{") ? JSON.parse(line) : await parseDocument(line);
  } catch (error) {
    const why = error instanceof SyntaxError ? jsonSyntaxError(line) : String(error);
    throw new Error(`couldn't get version/kind; json parse error: ${why}`);
  }
  if (isRecord(value)) return value;
  throw new Error(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
  );
}

function versionedPolicy(spec: unknown): AbacPolicy {
  if (spec !== undefined && spec !== null && !isRecord(spec))
    throw new Error(
      `json: cannot unmarshal ${jsonTypeOf(spec)} into Go struct field Policy.spec of type v1beta1.PolicySpec`,
    );
  const policy = fieldsOf(spec ?? {}, "PolicySpec.spec");
  return policy.user === "*" || policy.group === "*" ? { ...policy, user: "", group: everybody } : policy;
}

/** Before there were versions, what was not said meant everything. */
function unversionedPolicy(object: Readonly<Record<string, unknown>>): AbacPolicy {
  const given = fieldsOf({ ...object, apiGroup: undefined, nonResourcePath: undefined }, "Policy");
  const all = given.user === "*" || given.group === "*";
  const nobodyNamed = given.user === "" && given.group === "";
  return {
    ...given,
    user: all ? "" : given.user,
    group: all || nobodyNamed ? everybody : given.group,
    apiGroup: "*",
    namespace: given.namespace || "*",
    resource: given.resource || "*",
    nonResourcePath: given.namespace === "" && given.resource === "" ? "*" : "",
  };
}

function fieldsOf(given: Readonly<Record<string, unknown>>, path: string): AbacPolicy {
  for (const [name, type] of Object.entries(fieldTypes)) {
    const value = given[name] ?? undefined;
    if (value !== undefined && jsonTypeOf(value) !== type)
      throw new Error(
        `json: cannot unmarshal ${jsonTypeOf(value)} into Go struct field ${path}.${name} of type ${type}`,
      );
  }
  const { user, group, readonly, apiGroup, resource, namespace, nonResourcePath } =
    given as Partial<AbacPolicy>; // its members were just checked
  return {
    user: user ?? "",
    group: group ?? "",
    readonly: readonly ?? false,
    apiGroup: apiGroup ?? "",
    resource: resource ?? "",
    namespace: namespace ?? "",
    nonResourcePath: nonResourcePath ?? "",
  };
}

function textOf(value: unknown, name: string): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new Error(
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeOf(value)} into Go struct field .${name} of type string`,
  );
}

function jsonTypeOf(value: unknown): string {
  if (typeof value === "boolean") return "bool";
  return Array.isArray(value) ? "array" : typeof value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
