import type { LabelSelector } from "../../apimachinery/label-selector.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import {
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "../resources.generated.ts";
import {
  mutatingPolicyBindingStrategy,
  mutatingPolicyStrategy,
  validatingPolicyBindingStrategy,
  validatingPolicyStrategy,
} from "./policy-strategy.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "./types.generated.ts";

const paramKind = (kind: ParamKind | undefined) =>
  kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;

function paramRef(reference: ParamRef | undefined): string {
  const { name = "", namespace = "", selector } = reference ?? {};
  // Whether the parameter has a namespace is not known here: without one it may be any.
  if (name !== "") return `${namespace === "" ? "*" : namespace}/${name}`;
  return selector === undefined ? "<unset>" : goSelector(selector);
}

/** As Go prints its struct, which is what upstream shows here. */
function goSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`);
  const requirements = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},MatchExpressions:[]LabelSelectorRequirement{${requirements.join("")}},}`;
}

type Binding = MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding;

const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  stringColumn("PolicyName", "The policy that is bound.", ({ spec }) => spec?.policyName ?? ""),
  stringColumn("ParamRef", "Where its parameters are.", ({ spec }) => paramRef(spec?.paramRef)),
  ageColumn,
];

const paramKindColumn = stringColumn<ValidatingAdmissionPolicy | MutatingAdmissionPolicy>(
  "ParamKind",
  "The kind of its parameters.",
  ({ spec }) => paramKind(spec?.paramKind),
);

export const validatingAdmissionPolicyDefinition = defineResource(validatingAdmissionPolicies, {
  categories: ["api-extensions"],
  hasStatus: true,
  columns: [
    nameColumn,
    integerColumn("Validations", "Number of rules.", ({ spec }) => (spec?.validations ?? []).length),
    paramKindColumn,
    ageColumn,
  ],
  strategy: validatingPolicyStrategy,
});

export const validatingAdmissionPolicyBindingDefinition = defineResource(validatingAdmissionPolicyBindings, {
  categories: ["api-extensions"],
  columns: bindingColumns,
  strategy: validatingPolicyBindingStrategy,
});

export const mutatingAdmissionPolicyDefinition = defineResource(mutatingAdmissionPolicies, {
  categories: ["api-extensions"],
  columns: [
    nameColumn,
    integerColumn("Mutations", "Number of changes.", ({ spec }) => (spec?.mutations ?? []).length),
    paramKindColumn,
    ageColumn,
  ],
  strategy: mutatingPolicyStrategy,
});

export const mutatingAdmissionPolicyBindingDefinition = defineResource(mutatingAdmissionPolicyBindings, {
  categories: ["api-extensions"],
  columns: bindingColumns,
  strategy: mutatingPolicyBindingStrategy,
});
