/** Flow schemas and priority levels. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxPrecedence = 10_000;
const methods = ["ByNamespace", "ByUser"];

export function validateFlowSchema({ metadata, spec }: FlowSchema): Errors {
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
    errors.push(field.notSupported("spec.distinguisherMethod.type", distinguisherMethod, methods));
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
  return errors;
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

export function validatePriorityLevel({ metadata, spec }: PriorityLevelConfiguration): Errors {
  const { type, limited, exempt } = spec ?? {};
  const name = metadata.name ?? "";
  const errors: FieldError[] = [];
  if ((name === "exempt") !== (type === "Exempt"))
    errors.push(field.invalid("spec.type", type, "type must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === "Exempt") {
    if (limited !== undefined)
      errors.push(field.forbidden("spec.limited", "must be nil if the type is not Limited"));
    errors.push(
      ...field.nonNegative("spec.exempt.nominalConcurrencyShares", exempt?.nominalConcurrencyShares),
    );
  } else if (type === "Limited") {
    if (exempt !== undefined)
      errors.push(field.forbidden("spec.exempt", "must be nil if the type is Limited"));
    errors.push(
      ...(limited === undefined
        ? [field.required("spec.limited", "must not be empty when type is Limited")]
        : validateLimited("spec.limited", limited)),
    );
  } else errors.push(field.notSupported("spec.type", type ?? "", ["Exempt", "Limited"]));
  return errors;
}

const maxQueues = 10_000_000;

function validateLimited(path: string, limited: LimitedPriorityLevelConfiguration): Errors {
  const { nominalConcurrencyShares, lendablePercent = 0, borrowingLimitPercent, limitResponse } = limited;
  const errors: FieldError[] = [];
  if (nominalConcurrencyShares !== undefined && nominalConcurrencyShares < 0)
    errors.push(
      field.invalid(
        field.child(path, "nominalConcurrencyShares"),
        nominalConcurrencyShares,
        "must be a non-negative integer",
      ),
    );
  if (lendablePercent < 0 || lendablePercent > 100)
    errors.push(
      field.invalid(
        field.child(path, "lendablePercent"),
        lendablePercent,
        "must be between 0 and 100, inclusive",
      ),
    );
  if (borrowingLimitPercent !== undefined && borrowingLimitPercent < 0)
    errors.push(
      field.invalid(
        field.child(path, "borrowingLimitPercent"),
        borrowingLimitPercent,
        "if specified, must be a non-negative integer",
      ),
    );
  const at = field.child(path, "limitResponse");
  const { type = "", queuing } = limitResponse ?? {};
  if (type === "Reject") {
    if (queuing !== undefined)
      errors.push(
        field.forbidden(
          field.child(at, "queuing"),
          "must be nil if limited.limitResponse.type is not Limited",
        ),
      );
  } else if (type === "Queue") {
    const queuingPath = field.child(at, "queuing");
    if (queuing === undefined)
      errors.push(field.required(queuingPath, "must not be empty if limited.limitResponse.type is Limited"));
    const { queues = 0, handSize = 0 } = queuing ?? {};
    if (queuing !== undefined && (queues <= 0 || queues > maxQueues))
      errors.push(field.invalid(field.child(queuingPath, "queues"), queues, "must be positive"));
    if (queuing !== undefined && handSize > queues)
      errors.push(
        field.invalid(
          field.child(queuingPath, "handSize"),
          handSize,
          `should not be greater than queues (${queues})`,
        ),
      );
  } else errors.push(field.notSupported(field.child(at, "type"), type, ["Queue", "Reject"]));
  return errors;
}
