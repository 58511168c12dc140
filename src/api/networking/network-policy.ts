import { showLabelSelector } from "../../apimachinery/labels.ts";
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { networkPolicies } from "../resources.generated.ts";
import { networkPolicyStrategy } from "./network-policy-strategy.ts";

export const networkPolicyDefinition = defineResource(networkPolicies, {
  shortNames: ["netpol"],
  columns: [
    nameColumn,
    stringColumn("Pod-Selector", "Labels of the pods it is for.", ({ spec }) =>
      showLabelSelector(spec?.podSelector),
    ),
    ageColumn,
  ],
  strategy: networkPolicyStrategy,
});
