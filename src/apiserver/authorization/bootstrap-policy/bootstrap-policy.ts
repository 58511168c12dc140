import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "../../../api/rbac/types.generated.ts";
import type { ObjectMeta } from "../../../apimachinery/meta.ts";
import { clusterRoleBindingTemplates, clusterRoleTemplates, serviceAccount } from "./cluster-roles.ts";
import { controllerRules } from "./controller-roles.ts";
import { namespacedBindingTemplates, namespacedRoleTemplates } from "./namespace-roles.ts";

/** The RBAC objects an API server creates and keeps: upstream's `bootstrappolicy`, of v1.36. */
export interface BootstrapPolicy {
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly RoleBinding[];
}

const apiVersion = "rbac.authorization.k8s.io/v1";
const apiGroup = "rbac.authorization.k8s.io";
export const autoUpdateAnnotation = "rbac.authorization.kubernetes.io/autoupdate";

function metadata(
  name: string,
  options: { namespace?: string; labels?: Readonly<Record<string, string>> } = {},
) {
  const made: ObjectMeta = {
    name,
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    labels: { ...options.labels, "kubernetes.io/bootstrapping": "rbac-defaults" },
    annotations: { [autoUpdateAnnotation]: "true" },
  };
  return made;
}

function clusterBinding(name: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: metadata(name),
    roleRef: { apiGroup, kind: "ClusterRole", name },
    ...(subjects.length === 0 ? {} : { subjects }),
  };
}

/** Aggregated roles are given their rules at once, so that `admin` works before the aggregation controller runs. */
function aggregatedRules(selector: Readonly<Record<string, string>>): PolicyRule[] {
  const selected = clusterRoleTemplates.filter(({ labels = {} }) =>
    Object.entries(selector).every(([key, value]) => labels[key] === value),
  );
  return selected
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ rules, aggregationRule }) => rules ?? aggregatedRules(selectorOf(aggregationRule)));
}

function selectorOf(aggregation: (typeof clusterRoleTemplates)[number]["aggregationRule"]) {
  return aggregation?.clusterRoleSelectors?.[0]?.matchLabels ?? {};
}

/** Built when asked for: a hundred objects that are not kept once they are stored. */
export function bootstrapPolicy(): BootstrapPolicy {
  const clusterRoles = clusterRoleTemplates.map(
    ({ name, labels, rules, aggregationRule }): ClusterRole => ({
      apiVersion,
      kind: "ClusterRole",
      metadata: metadata(name, labels === undefined ? {} : { labels }),
      ...(aggregationRule === undefined ? {} : { aggregationRule }),
      rules: rules ?? aggregatedRules(selectorOf(aggregationRule)),
    }),
  );
  const controllers = Object.entries(controllerRules);
  return {
    clusterRoles: [
      ...clusterRoles,
      ...controllers.map(
        ([name, rules]): ClusterRole => ({
          apiVersion,
          kind: "ClusterRole",
          metadata: metadata(`system:controller:${name}`),
          rules,
        }),
      ),
    ],
    clusterRoleBindings: [
      ...clusterRoleBindingTemplates.map(({ name, subjects }) => clusterBinding(name, subjects)),
      ...controllers.map(([name]) =>
        clusterBinding(`system:controller:${name}`, [serviceAccount("kube-system", name)]),
      ),
    ],
    roles: namespacedRoleTemplates.map(
      ({ namespace, name, rules }): Role => ({
        apiVersion,
        kind: "Role",
        metadata: metadata(name, { namespace }),
        rules,
      }),
    ),
    roleBindings: namespacedBindingTemplates.map(
      ({ namespace, name, role, subjects }): RoleBinding => ({
        apiVersion,
        kind: "RoleBinding",
        metadata: metadata(name, { namespace }),
        roleRef: { apiGroup, kind: "Role", name: role },
        subjects,
      }),
    ),
  };
}
