import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "../../../api/admissionregistration/types.generated.ts";
import { type Labels, selectorMatches } from "../../../apimachinery/label-selector.ts";
import type { AdmissionAttributes } from "../../stages.ts";

/** Which webhooks a request goes to: pure. */

export type Webhook = MutatingWebhook | ValidatingWebhook;

/** Webhooks in the order they are called: configurations by name, then as they are listed. */
export function orderedWebhooks<W extends Webhook>(
  configurations: readonly (MutatingWebhookConfiguration | ValidatingWebhookConfiguration)[],
): W[] {
  return configurations
    .toSorted((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1))
    .flatMap(({ webhooks = [] }) => webhooks as readonly Webhook[] as readonly W[]); // the caller lists one kind only
}

/** Webhooks must not be able to lock themselves, or each other, in. */
export function isExempt({ kind }: AdmissionAttributes): boolean {
  return kind.group === "admissionregistration.k8s.io" && exemptKinds.has(kind.kind);
}

const exemptKinds: ReadonlySet<string> = new Set([
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionPolicyBinding",
]);

/**
 * The version of the resource in which the webhook wants the request; undefined: it does not want it.
 * `namespaceLabels` are those of the object's namespace; absent for what is in none. `equivalents`: the versions in which the
 * resource is served, which `matchPolicy: Equivalent` matches by too.
 */
export function matchedVersion(
  webhook: Webhook,
  attributes: AdmissionAttributes,
  context: { readonly namespaceLabels?: Labels | undefined; readonly equivalents: readonly string[] },
): string | undefined {
  if (!namespaceSelected(webhook, context.namespaceLabels) || !objectSelected(webhook, attributes))
    return undefined;
  const { version } = attributes.resource;
  const rules = webhook.rules ?? [];
  if (rules.some((rule) => ruleMatches(rule, attributes, version))) return version;
  if (webhook.matchPolicy === "Exact") return undefined;
  return context.equivalents.find(
    (other) => other !== version && rules.some((rule) => ruleMatches(rule, attributes, other)),
  );
}

function namespaceSelected({ namespaceSelector }: Webhook, labels: Labels | undefined): boolean {
  return (
    labels === undefined || namespaceSelector === undefined || selectorMatches(namespaceSelector, labels)
  );
}

/** The new or the old object: an object cannot leave a webhook's sight by the change itself. */
function objectSelected({ objectSelector }: Webhook, { object, oldObject }: AdmissionAttributes): boolean {
  if (objectSelector === undefined || isEmpty(objectSelector)) return true;
  return [object, oldObject].some(
    (candidate) =>
      candidate?.metadata !== undefined && selectorMatches(objectSelector, candidate.metadata.labels),
  );
}

function isEmpty({
  matchLabels = {},
  matchExpressions = [],
}: NonNullable<Webhook["objectSelector"]>): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

const includes = (items: readonly string[] | undefined, value: string) =>
  (items ?? []).some((item) => item === "*" || item === value);

export function ruleMatches(
  rule: RuleWithOperations,
  { operation, resource, subresource, namespace }: AdmissionAttributes,
  version: string,
): boolean {
  return (
    inScope(rule.scope, resource, namespace) &&
    includes(rule.operations, operation) &&
    includes(rule.apiGroups, resource.group) &&
    includes(rule.apiVersions, version) &&
    (rule.resources ?? []).some((pattern) => resourceMatches(pattern, resource.resource, subresource))
  );
}

function inScope(
  scope: string | undefined,
  resource: AdmissionAttributes["resource"],
  namespace: string,
): boolean {
  if (scope === undefined || scope === "*") return true;
  const isClusterScoped = namespace === "" || (resource.group === "" && resource.resource === "namespaces");
  return scope === "Cluster" ? isClusterScoped : !isClusterScoped;
}

/** "pods", "pods/status", "*" (no subresources); a star on either side of the slash is anything. */
function resourceMatches(pattern: string, resource: string, subresource: string): boolean {
  const slash = pattern.indexOf("/");
  const [wanted, wantedSub] = slash < 0 ? [pattern, ""] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (wanted === "*" || wanted === resource) && (wantedSub === "*" || wantedSub === subresource);
}
