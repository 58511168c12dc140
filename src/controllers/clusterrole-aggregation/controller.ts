import type { ClusterRole } from "../../api/rbac/types.generated.ts";
import { clusterRoles } from "../../api/resources.generated.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type Intent, update } from "../framework/intent.ts";
import { selectionOf } from "../framework/selection.ts";

type Rule = NonNullable<ClusterRole["rules"]>[number];

export interface AggregationSnapshot {
  readonly role: ClusterRole;
  readonly others: readonly ClusterRole[];
}

/** Gives a role with an aggregation rule the rules of all roles that it selects, in the order of their names. */
export function reconcileAggregation({ role, others }: AggregationSnapshot): Intent[] {
  const selections = (role.aggregationRule?.clusterRoleSelectors ?? []).map((selector) =>
    selectionOf(selector),
  );
  const rules = new Map<string, Rule>();
  for (const selects of selections) {
    const selected = others.filter((other) => other.metadata.name !== role.metadata.name && selects(other));
    for (const { rules: own } of selected.toSorted(byName)) {
      for (const rule of own ?? []) {
        const content = contentOf(rule);
        if (!rules.has(content)) rules.set(content, rule);
      }
    }
  }
  return [update(clusterRoles, role, { ...role, rules: [...rules.values()] })];
}

/** Equal for rules that say the same: an absent list is an empty one. */
function contentOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: Rule): string {
  return JSON.stringify(
    [verbs, apiGroups, resources, resourceNames, nonResourceURLs].map((list) => list ?? []),
  );
}

function byName(left: ClusterRole, right: ClusterRole): number {
  return (left.metadata.name ?? "") < (right.metadata.name ?? "") ? -1 : 1;
}

/** Keys are the names of roles that aggregate: each may select any role that changes. */
export function clusterRoleAggregationController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<AggregationSnapshot> {
  const informer = informers.informer(clusterRoles);
  const aggregating = () =>
    informer.lister.list().filter(({ aggregationRule }) => aggregationRule !== undefined);
  return {
    name: "clusterrole-aggregation-controller",
    workers: 1,
    watches: [
      watch(informer, (role) =>
        aggregating()
          .filter(
            ({ metadata, aggregationRule }) =>
              metadata.name === role.metadata.name ||
              (aggregationRule?.clusterRoleSelectors ?? []).some((selector) => selectionOf(selector)(role)),
          )
          .map(objectKey),
      ),
    ],
    observe(name) {
      const role = informer.lister.get(name);
      return role?.aggregationRule === undefined ? undefined : { role, others: informer.lister.list() };
    },
    reconcile: reconcileAggregation,
  };
}
