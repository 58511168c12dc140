/** Flow schemas and priority levels. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type {
  FlowSchema,
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfiguration,
  Subject,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxPrecedence = 10_000;

export function validateFlowSchema({ spec }: FlowSchema): Errors {
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
  if (distinguisherMethod !== undefined)
    errors.push(
      ...field.oneOf("spec.distinguisherMethod", distinguisherMethod.type, ["ByNamespace", "ByUser"], {
        required: true,
      }),
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
      ...field.each(field.child(at, "resourceRules"), resourceRules, (rule, rulePath) =>
        (["verbs", "apiGroups", "resources"] as const).flatMap((name) =>
          listErrors(field.child(rulePath, name), rule[name]),
        ),
      ),
      ...field.each(field.child(at, "nonResourceRules"), nonResourceRules, (rule, rulePath) =>
        (["verbs", "nonResourceURLs"] as const).flatMap((name) =>
          listErrors(field.child(rulePath, name), rule[name]),
        ),
      ),
    ]),
  );
  return errors;
}

function listErrors(path: string, list: readonly string[] | undefined): Errors {
  if ((list ?? []).length === 0) return [field.required(path, "must contain at least one value")];
  return list !== undefined && list.length > 1 && list.includes("*")
    ? [field.invalid(path, list, "if '*' is present, must not specify other values")]
    : [];
}

function validateSubject(subject: Subject & { readonly kind?: string }, path: string): Errors {
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
        ...(name ? [] : [field.required(field.child(at, "name"))]),
        ...(namespace
          ? field.invalidEach(namespacePath, namespace, namespace === "*" ? [] : dns1123Label(namespace))
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
