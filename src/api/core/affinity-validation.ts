/** Where a pod may run: node selectors, affinities, tolerations, spreading. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { LabelSelector } from "../../apimachinery/label-selector.ts";
import { validateLabelName, validateLabelSelector } from "../../apimachinery/labels.ts";
import { dns1123Label, dns1123Subdomain, labelValue } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validateAffinity(path: string, affinity: Affinity | undefined): Errors {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {};
  const errors: FieldError[] = [];
  const node = field.child(path, "nodeAffinity");
  const required = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined)
    errors.push(
      ...validateNodeSelector(field.child(node, "requiredDuringSchedulingIgnoredDuringExecution"), required),
    );
  errors.push(
    ...field.each(
      field.child(node, "preferredDuringSchedulingIgnoredDuringExecution"),
      nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      ({ weight, preference }, at) => [
        ...weightErrors(at, weight),
        // A preference that no node can meet does no harm: values are not checked.
        ...validateNodeSelectorTerm(field.child(at, "preference"), preference, { checkValues: false }),
      ],
    ),
  );
  errors.push(...validatePodAffinity(field.child(path, "podAffinity"), podAffinity));
  errors.push(...validatePodAffinity(field.child(path, "podAntiAffinity"), podAntiAffinity));
  return errors;
}

function weightErrors(path: string, weight: number): Errors {
  return weight >= 1 && weight <= 100
    ? []
    : [field.invalid(field.child(path, "weight"), weight, "must be in the range 1-100")];
}

export function validateNodeSelector(
  path: string,
  { nodeSelectorTerms = [] }: Partial<NodeSelector>,
): Errors {
  const at = field.child(path, "nodeSelectorTerms");
  if (nodeSelectorTerms.length === 0)
    return [field.required(at, "must have at least one node selector term")];
  return field.each(at, nodeSelectorTerms, (term, termPath) => validateNodeSelectorTerm(termPath, term));
}

function validateNodeSelectorTerm(
  path: string,
  { matchExpressions, matchFields }: NodeSelectorTerm,
  options: { readonly checkValues: boolean } = { checkValues: true },
): Errors {
  return [
    ...field.each(field.child(path, "matchExpressions"), matchExpressions, (requirement, at) =>
      validateRequirement(at, requirement, options.checkValues),
    ),
    ...field.each(field.child(path, "matchFields"), matchFields, (requirement, at) =>
      validateFieldRequirement(at, requirement),
    ),
  ];
}

function validateRequirement(
  path: string,
  requirement: NodeSelectorRequirement,
  checkValues: boolean,
): Errors {
  const { key = "", operator, values = [] } = requirement;
  const errors: FieldError[] = [];
  const at = field.child(path, "values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0)
        errors.push(field.required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0)
        errors.push(
          field.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1)
        errors.push(field.required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(field.invalid(field.child(path, "operator"), operator, "not a valid selector operator"));
  }
  errors.push(...validateLabelName(field.child(path, "key"), key));
  if (checkValues)
    errors.push(
      ...field.each(at, values, (value, valuePath) => field.invalidEach(valuePath, value, labelValue(value))),
    );
  return errors;
}

function validateFieldRequirement(
  path: string,
  { key, operator, values = [] }: NodeSelectorRequirement,
): Errors {
  const errors: FieldError[] = [];
  const at = field.child(path, "values");
  if (operator !== "In" && operator !== "NotIn")
    errors.push(field.invalid(field.child(path, "operator"), operator, "not a valid selector operator"));
  else if (values.length !== 1)
    errors.push(
      field.required(at, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    );
  if (key !== "metadata.name")
    errors.push(field.invalid(field.child(path, "key"), key, "not a valid field selector key"));
  else
    errors.push(
      ...field.each(at, values, (value, valuePath) =>
        field.invalidEach(valuePath, value, dns1123Subdomain(value)),
      ),
    );
  return errors;
}

function validatePodAffinity(path: string, affinity: PodAffinity | undefined): Errors {
  return [
    ...field.each(
      field.child(path, "requiredDuringSchedulingIgnoredDuringExecution"),
      affinity?.requiredDuringSchedulingIgnoredDuringExecution,
      (term, at) => validatePodAffinityTerm(at, term),
    ),
    ...field.each(
      field.child(path, "preferredDuringSchedulingIgnoredDuringExecution"),
      affinity?.preferredDuringSchedulingIgnoredDuringExecution,
      ({ weight, podAffinityTerm }, at) => [
        ...weightErrors(at, weight),
        ...validatePodAffinityTerm(field.child(at, "podAffinityTerm"), podAffinityTerm),
      ],
    ),
  ];
}

function validatePodAffinityTerm(path: string, term: PodAffinityTerm): Errors {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = "" } = term;
  const at = field.child(path, "topologyKey");
  return [
    ...validateLabelSelector(field.child(path, "labelSelector"), labelSelector),
    ...validateLabelSelector(field.child(path, "namespaceSelector"), namespaceSelector),
    ...namespaces.flatMap((name) =>
      field.invalidEach(field.child(path, "namespace"), name, dns1123Label(name)),
    ),
    ...validateMatchLabelKeys(path, term),
    ...(topologyKey === "" ? [field.required(at, "can not be empty")] : []),
    ...validateLabelName(at, topologyKey),
  ];
}

interface LabelKeys {
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
  readonly labelSelector?: LabelSelector;
}

/** Keys whose values come from the pod's own labels. */
function validateMatchLabelKeys(path: string, keys: LabelKeys): Errors {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = keys;
  const errors: FieldError[] = [];
  for (const [name, list] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (list.length === 0) continue;
    const at = field.child(path, name);
    if (labelSelector === undefined)
      errors.push(field.forbidden(at, "must not be specified when labelSelector is not set"));
    else errors.push(...field.each(at, list, (key, keyPath) => validateLabelName(keyPath, key)));
  }
  const selected = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = matchLabelKeys.indexOf(key);
    if (index >= 0 && selected.has(key))
      errors.push(
        field.invalid(field.at(path, index), key, "exists in both matchLabelKeys and labelSelector"),
      );
    selected.add(key);
  }
  matchLabelKeys.forEach((key, index) => {
    if (mismatchLabelKeys.includes(key)) {
      const at = field.at(field.child(path, "matchLabelKeys"), index);
      errors.push(field.invalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys"));
    }
  });
  return errors;
}

const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function taintEffectErrors(path: string, effect: string): Errors {
  return taintEffects.includes(effect) ? [] : [field.notSupported(path, effect, taintEffects)];
}

export function validateTolerations(path: string, tolerations: readonly Toleration[] | undefined): Errors {
  return field.each(path, tolerations, (toleration, at) => {
    const { key = "", operator = "", value = "", effect = "", tolerationSeconds } = toleration;
    const errors: FieldError[] = [];
    const operatorPath = field.child(at, "operator");
    if (key !== "") errors.push(...validateLabelName(field.child(at, "key"), key));
    else if (operator !== "Exists")
      errors.push(
        field.invalid(
          operatorPath,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (tolerationSeconds !== undefined && effect !== "NoExecute")
      errors.push(
        field.invalid(
          field.child(at, "effect"),
          effect,
          "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
      );
    if (operator === "" || operator === "Equal") {
      const reasons = labelValue(value);
      if (reasons.length > 0) errors.push(field.invalid(operatorPath, value, reasons.join(";")));
    } else if (operator === "Exists") {
      if (value !== "")
        errors.push(field.invalid(operatorPath, value, "value must be empty when `operator` is 'Exists'"));
    } else {
      // Comparisons are behind a gate that is off, but named to those who try.
      const isComparison = operator === "Lt" || operator === "Gt";
      const known = ["Equal", "Exists", ...(isComparison ? ["Lt", "Gt"] : [])];
      errors.push(field.notSupported(operatorPath, operator, known));
    }
    if (effect !== "") errors.push(...taintEffectErrors(field.child(at, "effect"), effect));
    return errors;
  });
}

export function validateTopologySpread(
  path: string,
  constraints: readonly TopologySpreadConstraint[] | undefined,
): Errors {
  return field.each(path, constraints, (constraint, at, index) => {
    const { maxSkew = 0, topologyKey = "", whenUnsatisfiable, minDomains, labelSelector } = constraint;
    const errors: FieldError[] = [...field.positive(field.child(at, "maxSkew"), maxSkew)];
    if (topologyKey === "") errors.push(field.required(field.child(at, "topologyKey"), "can not be empty"));
    const actions = ["DoNotSchedule", "ScheduleAnyway"];
    if (!actions.includes(whenUnsatisfiable))
      errors.push(field.notSupported(field.child(at, "whenUnsatisfiable"), whenUnsatisfiable, actions));
    const isRepeated = (constraints ?? [])
      .slice(index + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (isRepeated)
      errors.push(
        field.duplicate(
          field.child(at, "{topologyKey, whenUnsatisfiable}"),
          `{${topologyKey}, ${whenUnsatisfiable}}`,
        ),
      );
    if (minDomains !== undefined) {
      const minPath = field.child(at, "minDomains");
      errors.push(...field.positive(minPath, minDomains));
      if (whenUnsatisfiable !== "DoNotSchedule") {
        const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
        errors.push(field.invalid(minPath, minDomains, detail));
      }
    }
    for (const name of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const) {
      const value = constraint[name];
      if (value !== undefined && value !== "Honor" && value !== "Ignore")
        errors.push(field.notSupported(field.child(at, name), value, ["Honor", "Ignore"]));
    }
    errors.push(...validateMatchLabelKeys(at, constraint));
    errors.push(...validateLabelSelector(field.child(at, "labelSelector"), labelSelector));
    return errors;
  });
}
