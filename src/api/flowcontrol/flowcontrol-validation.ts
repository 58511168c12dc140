/** Flow schemas and priority levels. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { mandatorySchemas } from "./bootstrap.ts";
import { validateConditions } from "./condition-validation.ts";
import type { FlowSchema, NonResourcePolicyRule, ResourcePolicyRule, Subject } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxPrecedence = 10_000;
const methods = ["ByNamespace", "ByUser"];

export function validateFlowSchema({ metadata, spec, status }: FlowSchema): Errors {
  const { matchingPrecedence = 0, distinguisherMethod, priorityLevelConfiguration, rules } = spec ?? {};
  const errors: FieldError[] = [];
  if (matchingPrecedence <= 0)
    errors.push(field.invalid("spec.matchingPrecedence", matchingPrecedence, "must be a positive value"));
  if (matchingPrecedence > maxPrecedence)
    errors.push(
      field.invalid(
        "spec.matchingPrecedence",
        matchingPrecedence,
        `must not be greater than ${maxPrecedence}`,
      ),
    );
  if (matchingPrecedence === 1 && metadata.name !== "exempt")
    errors.push(
      field.invalid(
        "spec.matchingPrecedence",
        matchingPrecedence,
        "only the schema named 'exempt' may have matchingPrecedence 1",
      ),
    );
  if (distinguisherMethod !== undefined && !methods.includes(distinguisherMethod.type))
    errors.push(
      field.notSupported(
        "spec.distinguisherMethod.type",
        inGoForm("FlowDistinguisherMethod", distinguisherMethod),
        methods,
      ),
    );
  const level = priorityLevelConfiguration?.name ?? "";
  const levelPath = "spec.priorityLevelConfiguration.name";
  errors.push(
    ...(level === ""
      ? [field.required(levelPath, "must reference a priority level")]
      : field.invalidEach(levelPath, level, dns1123Subdomain(level))),
  );
  errors.push(
    ...field.each("spec.rules", rules, ({ subjects, resourceRules = [], nonResourceRules = [] }, at) => [
      ...((subjects ?? []).length === 0
        ? [field.required(field.child(at, "subjects"), "subjects must contain at least one value")]
        : field.each(field.child(at, "subjects"), subjects, validateSubject)),
      ...(resourceRules.length + nonResourceRules.length === 0
        ? [field.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty")]
        : []),
      ...field.each(field.child(at, "resourceRules"), resourceRules, validateResourceRule),
      ...field.each(field.child(at, "nonResourceRules"), nonResourceRules, validateNonResourceRule),
    ]),
  );
  const fixed = mandatorySchemas.find((schema) => schema.metadata.name === metadata.name);
  if (fixed !== undefined && !field.semanticEqual(spec, fixed.spec))
    errors.push(
      field.invalid(
        "spec",
        inGoForm("FlowSchemaSpec", spec),
        `spec of '${metadata.name}' must equal the fixed value`,
      ),
    );
  return [...errors, ...validateConditions(status?.conditions)];
}

const verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

function verbErrors(path: string, given: readonly string[] | undefined): Errors {
  const at = field.child(path, "verbs");
  const errors = listErrors(at, given, "verbs must contain at least one value", "verbs");
  const isKnown = (given ?? []).every((verb) => verb === "*" || verbs.includes(verb));
  return isKnown ? errors : [...errors, field.notSupported(at, given, verbs)];
}

function validateResourceRule(rule: ResourcePolicyRule, path: string): Errors {
  const { apiGroups, resources, namespaces = [], clusterScope = false } = rule;
  const at = field.child(path, "namespaces");
  const intro = "each member of this list must be '*' or a DNS-1123 label; ";
  const namespaceErrors =
    namespaces.length === 0
      ? clusterScope
        ? []
        : [
            field.required(
              at,
              "resource rules that are not cluster scoped must supply at least one namespace",
            ),
          ]
      : namespaces.includes("*")
        ? listErrors(at, namespaces, "", "namespaces")
        : field.each(at, namespaces, (name, each) =>
            field.invalidEach(
              each,
              name,
              dns1123Label(name).map((reason) => intro + reason),
            ),
          );
  return [
    ...verbErrors(path, rule.verbs),
    ...listErrors(
      field.child(path, "apiGroups"),
      apiGroups,
      "resource rules must supply at least one api group",
      "api groups",
    ),
    ...listErrors(
      field.child(path, "resources"),
      resources,
      "resource rules must supply at least one resource",
      "resources",
    ),
    ...namespaceErrors,
  ];
}

function validateNonResourceRule(
  { verbs: given, nonResourceURLs: urls }: NonResourcePolicyRule,
  path: string,
): Errors {
  const at = field.child(path, "nonResourceURLs");
  const errors = listErrors(at, urls, "nonResourceURLs must contain at least one value", "non-resource URLs");
  return [
    ...verbErrors(path, given),
    ...errors,
    ...(urls?.includes("*") === true ? [] : field.each(at, urls, urlErrors)),
  ];
}

function urlErrors(url: string, path: string): Errors {
  const stars = url.split("*").length - 1;
  const problem =
    url === ""
      ? "must not be empty"
      : !url.startsWith("/")
        ? "must start with slash"
        : url.includes(" ")
          ? "must not contain white-space"
          : url.includes("//")
            ? "must not contain double slash"
            : stars > 1 || (stars === 1 && !url.endsWith("/*"))
              ? "wildcard can only do suffix matching"
              : undefined;
  return problem === undefined ? [] : [field.invalid(path, url, problem)];
}

/** A list is not empty, and a star stands alone. */
function listErrors(
  path: string,
  list: readonly string[] | undefined,
  whenEmpty: string,
  what: string,
): Errors {
  if ((list ?? []).length === 0) return [field.required(path, whenEmpty)];
  return list !== undefined && list.length > 1 && list.includes("*")
    ? [field.invalid(path, list, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateSubject(subject: Subject & { readonly kind?: string }, path: string): Errors {
  const { kind } = subject;
  const own = validateOwnSubject(subject, path);
  const others = Object.entries(subjectFields).filter(([other]) => other !== kind);
  if (subjectFields[kind ?? ""] === undefined) return own;
  return [
    ...own,
    ...others.flatMap(([other, name]) =>
      subject[name] === undefined
        ? []
        : [
            field.forbidden(
              field.child(path, name),
              `${name} is forbidden when subject kind is not '${other}'`,
            ),
          ],
    ),
  ];
}

type SubjectField = "group" | "serviceAccount" | "user";

const subjectFields: Readonly<Record<string, SubjectField>> = {
  ServiceAccount: "serviceAccount",
  User: "user",
  Group: "group",
};

function validateOwnSubject(subject: Subject & { readonly kind?: string }, path: string): Errors {
  const { kind, user, group, serviceAccount } = subject;
  switch (kind) {
    case "User":
    case "Group": {
      const at = field.child(path, kind.toLowerCase());
      const named = kind === "User" ? user : group;
      if (named === undefined)
        return [field.required(at, `${kind.toLowerCase()} is required when subject kind is '${kind}'`)];
      return named.name ? [] : [field.required(field.child(at, "name"))];
    }
    case "ServiceAccount": {
      const at = field.child(path, "serviceAccount");
      if (serviceAccount === undefined)
        return [field.required(at, "serviceAccount is required when subject kind is 'ServiceAccount'")];
      const { name, namespace } = serviceAccount;
      const namespacePath = field.child(at, "namespace");
      return [
        ...(name
          ? field.invalidEach(field.child(at, "name"), name, name === "*" ? [] : dns1123Subdomain(name))
          : [field.required(field.child(at, "name"))]),
        ...(namespace
          ? field.invalidEach(namespacePath, namespace, dns1123Label(namespace))
          : [field.required(namespacePath, "must specify namespace for service account")]),
      ];
    }
    default:
      return [field.notSupported(field.child(path, "kind"), kind ?? "", ["Group", "ServiceAccount", "User"])];
  }
}
