import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "../../../api/rbac/types.generated.ts";
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  roleBindings,
  roles,
} from "../../../api/resources.generated.ts";
import { isApiError } from "../../../apimachinery/api-error.ts";
import { type KubeObject, objectKey, type ResourceType } from "../../../apimachinery/meta.ts";
import type { Client } from "../../../client/client.ts";
import { compactRules, uncoveredRules } from "../rbac-rules.ts";
import { autoUpdateAnnotation, type BootstrapPolicy } from "./bootstrap-policy.ts";

/** What has to happen to one stored object so that it holds what the policy says. */
export type PolicyChange<T> =
  | { readonly type: "none" }
  | { readonly type: "create"; readonly object: T }
  | { readonly type: "update"; readonly object: T }
  /** A binding's role cannot be changed: the binding is deleted and made again. */
  | { readonly type: "recreate"; readonly object: T };

const unchanged = { type: "none" } as const;

type AnyRole = (ClusterRole | Role) & Partial<Pick<ClusterRole, "aggregationRule">>;

/** Adds rules, labels and annotations that are missing; what an administrator added stays. */
export function reconcileRole<T extends AnyRole>(existing: T | undefined, wanted: T): PolicyChange<T> {
  if (existing === undefined) return { type: "create", object: wanted };
  if (isProtected(existing)) return unchanged;
  // The rules of an aggregated role belong to the aggregation controller.
  const aggregated = wanted.aggregationRule !== undefined;
  const missing = aggregated ? [] : missingRules(existing.rules ?? [], wanted.rules ?? []);
  const aggregationChanged =
    JSON.stringify(existing.aggregationRule) !== JSON.stringify(wanted.aggregationRule) && aggregated;
  const metadata = withMetadata(existing, wanted);
  if (missing.length === 0 && !aggregationChanged && metadata === existing.metadata) return unchanged;
  return {
    type: "update",
    object: {
      ...existing,
      metadata,
      ...(aggregated ? { aggregationRule: wanted.aggregationRule } : {}),
      ...(missing.length === 0 ? {} : { rules: [...(existing.rules ?? []), ...missing] }),
    },
  };
}

function missingRules(existing: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  if (JSON.stringify(existing) === JSON.stringify(wanted)) return [];
  return compactRules(uncoveredRules(existing, wanted));
}

/** Adds subjects that are missing. */
export function reconcileBinding<T extends ClusterRoleBinding | RoleBinding>(
  existing: T | undefined,
  wanted: T,
): PolicyChange<T> {
  if (existing === undefined) return { type: "create", object: wanted };
  if (isProtected(existing)) return unchanged;
  const { kind, name } = existing.roleRef;
  if (kind !== wanted.roleRef.kind || name !== wanted.roleRef.name)
    return { type: "recreate", object: wanted };
  const held = new Set((existing.subjects ?? []).map(subjectKey));
  const missing = (wanted.subjects ?? []).filter((subject) => !held.has(subjectKey(subject)));
  const metadata = withMetadata(existing, wanted);
  if (missing.length === 0 && metadata === existing.metadata) return unchanged;
  return {
    type: "update",
    object: { ...existing, metadata, subjects: [...(existing.subjects ?? []), ...missing] },
  };
}

const subjectKey = ({ kind, namespace = "", name }: Subject) => `${kind}/${namespace}/${name}`;

/** The administrator has taken the object over. */
function isProtected(object: KubeObject): boolean {
  return object.metadata.annotations?.[autoUpdateAnnotation] === "false";
}

function withMetadata<T extends KubeObject>(existing: T, wanted: T): T["metadata"] {
  const labels = { ...wanted.metadata.labels, ...existing.metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...existing.metadata.annotations };
  const same = (a: object, b: object | undefined) => Object.keys(a).length === Object.keys(b ?? {}).length;
  return same(labels, existing.metadata.labels) && same(annotations, existing.metadata.annotations)
    ? existing.metadata
    : { ...existing.metadata, labels, annotations };
}

/** How many objects were written; a second start writes none. */
export interface PolicyOutcome {
  readonly written: number;
}

/** Brings the stored RBAC objects up to the policy. All writes run at once, so that they share the storage's commits. */
export async function ensurePolicy(
  client: Client,
  policy: BootstrapPolicy,
  options: { readonly signal: AbortSignal },
): Promise<PolicyOutcome> {
  await ensureNamespaces(client, policy, options);
  const counts = await Promise.all([
    ensureAll(client, clusterRoles, policy.clusterRoles, reconcileRole, options),
    ensureAll(client, clusterRoleBindings, policy.clusterRoleBindings, reconcileBinding, options),
    ensureAll(client, roles, policy.roles, reconcileRole, options),
    ensureAll(client, roleBindings, policy.roleBindings, reconcileBinding, options),
  ]);
  return { written: counts.reduce((sum, count) => sum + count, 0) };
}

/** The system namespaces are made by another start hook; whichever comes first makes them. */
async function ensureNamespaces(
  client: Client,
  policy: BootstrapPolicy,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const names = new Set(
    [...policy.roles, ...policy.roleBindings].map(({ metadata }) => metadata.namespace ?? ""),
  );
  await Promise.all(
    [...names].map((name) =>
      ignoring("AlreadyExists", () =>
        client.create(
          namespaces,
          { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} },
          options,
        ),
      ),
    ),
  );
}

async function ensureAll<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  wanted: readonly T[],
  reconcile: (existing: T | undefined, wanted: T) => PolicyChange<T>,
  options: { readonly signal: AbortSignal },
): Promise<number> {
  const list = await client.list(type, options);
  const existing = new Map(list.items.map((object) => [objectKey(object), object]));
  const writes = wanted
    .map((object) => reconcile(existing.get(objectKey(object)), object))
    .filter((change) => change.type !== "none")
    .map((change) => carryOut(client, type, change, options));
  await Promise.all(writes);
  return writes.length;
}

async function carryOut<T extends KubeObject>(
  client: Client,
  type: ResourceType<T>,
  change: Exclude<PolicyChange<T>, { type: "none" }>,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const { object } = change;
  if (change.type === "update") {
    // Another server of this control plane may have done the same meanwhile.
    await ignoring("Conflict", () => client.update(type, object, options));
    return;
  }
  if (change.type === "recreate") {
    const { name = "", namespace } = object.metadata;
    const target = namespace === undefined ? { name } : { name, namespace };
    await ignoring("NotFound", () => client.delete(type, target, options));
  }
  await ignoring("AlreadyExists", () => client.create(type, object, options));
}

async function ignoring(
  reason: "AlreadyExists" | "Conflict" | "NotFound",
  write: () => Promise<unknown>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isApiError(error, reason)) throw error;
  }
}
