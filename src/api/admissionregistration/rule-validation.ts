/** Rules and conditions that say which requests a webhook or a policy is about. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { pathSegment, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { MatchCondition, NamedRuleWithOperations, RuleWithOperations } from "./types.generated.ts";

type Errors = readonly FieldError[];

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

export function validateRule(rule: RuleWithOperations, path: string): Errors {
  const { apiGroups = [], apiVersions = [], resources = [], operations: given = [], scope } = rule;
  const at = (name: string) => field.child(path, name);
  return [
    ...listErrors(at("operations"), given, "operations"),
    ...field.each(at("operations"), given, (operation, each) => field.oneOf(each, operation, operations)),
    ...listErrors(at("apiGroups"), apiGroups, "API groups"),
    ...listErrors(at("apiVersions"), apiVersions, "API versions"),
    ...field.each(at("apiVersions"), apiVersions, (version, each) =>
      version === "" ? [field.required(each)] : [],
    ),
    ...resourceErrors(at("resources"), resources),
    ...field.oneOf(at("scope"), scope, ["*", "Cluster", "Namespaced"]),
  ];
}

/** A list is not empty, and a star stands alone. */
function listErrors(path: string, list: readonly string[], what: string): Errors {
  if (list.length === 0) return [field.required(path)];
  return list.length > 1 && list.includes("*")
    ? [field.invalid(path, list, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function resourceErrors(path: string, resources: readonly string[]): Errors {
  if (resources.length === 0) return [field.required(path)];
  const errors: FieldError[] = [];
  const wholeResources = new Set<string>();
  const wholeSubresources = new Set<string>();
  for (const [index, name] of resources.entries()) {
    const at = field.at(path, index);
    if (name === "") errors.push(field.required(at));
    const slash = name.indexOf("/");
    if (slash < 0) continue;
    const [resource, subresource] = [name.slice(0, slash), name.slice(slash + 1)];
    if (wholeResources.has(resource))
      errors.push(field.invalid(at, name, `if '${resource}/*' is present, must not specify ${name}`));
    if (wholeSubresources.has(subresource))
      errors.push(field.invalid(at, name, `if '*/${subresource}' is present, must not specify ${name}`));
    if (subresource === "*") wholeResources.add(resource);
    if (resource === "*") wholeSubresources.add(subresource);
  }
  if (resources.length > 1 && resources.includes("*/*"))
    errors.push(field.invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  const plain = resources.filter((name) => name !== "" && !name.includes("/"));
  if (plain.includes("*") && plain.some((name) => name !== "*")) {
    const detail = "if '*' is present, must not specify other resources without subresources";
    errors.push(field.invalid(path, resources, detail));
  }
  return errors;
}

export function validateNamedRule(rule: NamedRuleWithOperations, path: string): Errors {
  const names = rule.resourceNames;
  const at = field.child(path, "resourceNames");
  return [
    ...field.each(at, names, (name, each) => field.invalidEach(each, name, pathSegment(name))),
    ...field.unique(
      names,
      (name) => name,
      (index, name) => field.duplicate(field.at(at, index), name),
    ),
    ...validateRule(
      {
        apiGroups: rule.apiGroups ?? [],
        apiVersions: rule.apiVersions ?? [],
        operations: rule.operations ?? [],
        resources: rule.resources ?? [],
        ...(rule.scope === undefined ? {} : { scope: rule.scope }),
      },
      path,
    ),
  ];
}

const maxConditions = 64;

/** Names and presence of conditions; whether an expression means anything is for those who compile it. */
export function validateMatchConditions(
  path: string,
  conditions: readonly MatchCondition[] | undefined,
): Errors {
  const count = conditions?.length ?? 0;
  return [
    ...(count > maxConditions ? [field.tooMany(path, count, maxConditions)] : []),
    ...field.each(path, conditions, ({ name = "", expression = "" }, at) => {
      const namePath = field.child(at, "name");
      return [
        ...(expression.trim() === "" ? [field.required(field.child(at, "expression"))] : []),
        ...(name === ""
          ? [field.required(namePath)]
          : field.invalidEach(namePath, name, qualifiedName(name))),
      ];
    }),
    ...field.unique(
      conditions,
      ({ name }) => name || undefined,
      (index, { name }) => field.duplicate(field.child(field.at(path, index), "name"), name),
    ),
  ];
}
