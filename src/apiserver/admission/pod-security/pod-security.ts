import type { Namespace, Pod, PodSpec, PodTemplateSpec } from "../../../api/core/types.generated.ts";
import { namespaces, pods } from "../../../api/resources.generated.ts";
import { internalError, invalid } from "../../../apimachinery/api-error.ts";
import { type AnyObject, controllerOf, type ObjectMeta } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { type AdmissionDependencies, findNamespace, refuse } from "../dependencies.ts";
import { allContainers } from "./check.ts";
import {
  compareLevels,
  describeLevel,
  describeViolations,
  evaluatePod,
  isFullyPrivileged,
  isSameLevel,
  type LevelVersion,
  policyOf,
  privileged,
  type SecurityPolicy,
} from "./policy.ts";

const ignoredSubresources: ReadonlySet<string> = new Set([
  "exec",
  "attach",
  "binding",
  "eviction",
  "log",
  "portforward",
  "proxy",
  "status",
]);

/** Where the pod template is, by "resource.group". */
const templates: Readonly<Record<string, (object: AnyObject) => PodTemplateSpec | undefined>> = {
  "podtemplates.": (object) => object.template as PodTemplateSpec | undefined,
  "replicationcontrollers.": specTemplate,
  "replicasets.apps": specTemplate,
  "deployments.apps": specTemplate,
  "statefulsets.apps": specTemplate,
  "daemonsets.apps": specTemplate,
  "jobs.batch": specTemplate,
  "cronjobs.batch": (object) =>
    (object.spec as { jobTemplate?: { spec?: { template?: PodTemplateSpec } } }).jobTemplate?.spec?.template,
};

// The objects were validated against their schemas before they came here: these casts name the shape of each kind.
function specTemplate(object: AnyObject): PodTemplateSpec | undefined {
  return (object.spec as { template?: PodTemplateSpec } | undefined)?.template;
}

/** What an administrator says of all namespaces (`PodSecurityConfiguration`). */
export interface PodSecurityConfiguration {
  readonly defaults: SecurityPolicy;
  readonly exemptions: {
    readonly usernames: readonly string[];
    readonly namespaces: readonly string[];
    readonly runtimeClasses: readonly string[];
  };
}

const unconfigured: PodSecurityConfiguration = {
  defaults: privileged,
  exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
};

/** Whom nothing is asked of, and by what, as the audit log has it; undefined: nobody. */
function exemption(
  { exemptions }: PodSecurityConfiguration,
  { namespace, user }: AdmissionAttributes,
  runtimeClass: string | undefined,
): string | undefined {
  if (exemptions.namespaces.includes(namespace)) return "namespace";
  if (exemptions.usernames.includes(user.name)) return "user";
  return runtimeClass !== undefined && exemptions.runtimeClasses.includes(runtimeClass)
    ? "runtimeClass"
    : undefined;
}

/** Holds pods to the level that their namespace's labels say; upstream's PodSecurity plugin. */
export function podSecurity(
  plugins: AdmissionDependencies,
  configuration: PodSecurityConfiguration = unconfigured,
): AdmissionPlugin {
  const dependencies = { ...plugins, configuration };
  const podsOfNamespace = dependencies.informers.informer(pods).lister;
  dependencies.informers.informer(namespaces);
  return {
    name: "PodSecurity",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    validate(attributes) {
      const { group, resource } = attributes.resource;
      if (group === "" && resource === "namespaces") {
        validateNamespace(attributes, configuration, (name) => podsOfNamespace.list({ namespace: name }));
        return undefined;
      }
      if (group === "" && resource === "pods") return validatePod(attributes, dependencies);
      const template = templates[`${resource}.${group}`];
      if (template !== undefined && attributes.subresource === "")
        return validateController(attributes, dependencies, template);
      return undefined;
    },
  };
}

interface Configured extends AdmissionDependencies {
  readonly configuration: PodSecurityConfiguration;
}

async function validatePod(attributes: AdmissionAttributes, dependencies: Configured): Promise<void> {
  if (ignoredSubresources.has(attributes.subresource) || attributes.object === undefined) return;
  // The resource says that it is a pod.
  const pod = attributes.object as AnyObject & Pod;
  const exempt = exemption(dependencies.configuration, attributes, pod.spec.runtimeClassName);
  if (exempt !== undefined) {
    attributes.annotate?.(`${annotationPrefix}exempt`, exempt);
    return;
  }
  const namespace = await findNamespace(dependencies, attributes.namespace);
  if (namespace === undefined) throw internalError(`failed to lookup namespace "${attributes.namespace}"`);
  const { policy, errors } = policyOf(namespace.metadata.labels, dependencies.configuration.defaults);
  attributes.annotate?.(`${annotationPrefix}enforce-policy`, describeLevel(policy.enforce));
  if (errors.length === 0 && isFullyPrivileged(policy)) return;
  const oldPod = attributes.oldObject as (AnyObject & Pod) | undefined;
  if (attributes.operation === "UPDATE" && oldPod !== undefined && !isSignificantUpdate(pod, oldPod)) return;
  const violations = evaluatePod(policy.enforce, pod.metadata, pod.spec);
  tellAudit(attributes, policy.audit, pod.metadata, pod.spec);
  if (violations.length > 0)
    throw refuse(
      attributes,
      `violates PodSecurity "${describeLevel(policy.enforce)}": ${describeViolations(violations)}`,
    );
  warn(attributes, policy.warn, pod.metadata, pod.spec);
}

/** A controller is never refused: its pods are. Its author is warned. */
async function validateController(
  attributes: AdmissionAttributes,
  dependencies: Configured,
  templateOf: (object: AnyObject) => PodTemplateSpec | undefined,
): Promise<void> {
  const namespace = await findNamespace(dependencies, attributes.namespace);
  const template = attributes.object === undefined ? undefined : templateOf(attributes.object);
  if (namespace === undefined || template?.spec === undefined) return;
  const exempt = exemption(dependencies.configuration, attributes, template.spec.runtimeClassName);
  if (exempt !== undefined) {
    attributes.annotate?.(`${annotationPrefix}exempt`, exempt);
    return;
  }
  const { policy } = policyOf(namespace.metadata.labels, dependencies.configuration.defaults);
  tellAudit(attributes, policy.audit, template.metadata ?? {}, template.spec);
  warn(attributes, policy.warn, template.metadata ?? {}, template.spec);
}

const annotationPrefix = "pod-security.kubernetes.io/";

/** Nothing is looked at where nobody keeps a record. */
function tellAudit(
  { annotate }: AdmissionAttributes,
  level: LevelVersion,
  metadata: ObjectMeta,
  spec: PodSpec,
): void {
  if (annotate === undefined) return;
  const violations = evaluatePod(level, metadata, spec);
  if (violations.length > 0)
    annotate(
      `${annotationPrefix}audit-violations`,
      `would violate PodSecurity "${describeLevel(level)}": ${describeViolations(violations)}`,
    );
}

function warn(
  attributes: AdmissionAttributes,
  level: LevelVersion,
  metadata: ObjectMeta,
  spec: PodSpec,
): void {
  const violations = evaluatePod(level, metadata, spec);
  if (violations.length > 0)
    attributes.warn(`would violate PodSecurity "${describeLevel(level)}": ${describeViolations(violations)}`);
}

/** Only new images and new containers can change what a running pod may do. */
function isSignificantUpdate(pod: Pod, old: Pod): boolean {
  if (pod.spec.containers.length !== old.spec.containers.length) return true;
  if ((pod.spec.initContainers ?? []).length !== (old.spec.initContainers ?? []).length) return true;
  const oldImages = new Map(allContainers(old.spec).map(({ name, image }) => [name, image]));
  return allContainers(pod.spec).some(
    ({ name, image }) => !oldImages.has(name) || oldImages.get(name) !== image,
  );
}

function validateNamespace(
  attributes: AdmissionAttributes,
  { defaults, exemptions }: PodSecurityConfiguration,
  podsIn: (namespace: string) => readonly Pod[],
): void {
  if (attributes.subresource !== "" || attributes.object === undefined) return;
  // The resource says that it is a namespace.
  const namespace = attributes.object as AnyObject & Namespace;
  const next = policyOf(namespace.metadata.labels, defaults);
  const previous =
    attributes.oldObject === undefined ? undefined : policyOf(attributes.oldObject.metadata.labels, defaults);
  const name = namespace.metadata.name ?? "";
  // A label that was wrong before does not keep the namespace from being changed.
  if (next.errors.length > 0 && JSON.stringify(next.errors) !== JSON.stringify(previous?.errors))
    throw invalid({ group: "", kind: "Namespace" }, name, next.errors);
  if (previous === undefined || exemptions.namespaces.includes(name)) return;
  const { enforce } = next.policy;
  const old = previous.policy.enforce;
  if (isSameLevel(enforce, old) || enforce.level === "privileged") return;
  if (enforce.minor === old.minor && compareLevels(enforce.level, old.level) < 1) return;
  for (const text of warningsForPods(name, enforce, podsIn(name))) attributes.warn(text);
}

/** At most so many existing pods are checked when a namespace gets stricter. */
const maxPodsToCheck = 3000;

function warningsForPods(namespace: string, level: LevelVersion, existing: readonly Pod[]): string[] {
  const ordered = oneOfEachController(existing);
  const checked = ordered.slice(0, maxPodsToCheck);
  const byReason = new Map<string, string[]>();
  for (const pod of checked) {
    const reason = evaluatePod(level, pod.metadata, pod.spec)
      .map((violation) => violation.reason)
      .join(", ");
    if (reason !== "") byReason.set(reason, [...(byReason.get(reason) ?? []), pod.metadata.name ?? ""]);
  }
  const warnings: string[] = [];
  if (checked.length < ordered.length)
    warnings.push(
      `new PodSecurity enforce level only checked against the first ${checked.length} of ${ordered.length} existing pods`,
    );
  if (byReason.size > 0)
    warnings.push(
      `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${describeLevel(level)}"`,
    );
  const lines = [...byReason].map(([reason, names]) => `${countText(names)}: ${reason}`);
  return [...warnings, ...lines.sort()];
}

function countText(names: readonly string[]): string {
  const first = names.toSorted()[0] ?? "";
  if (names.length === 1) return first;
  return `${first} (and ${names.length - 1} other ${names.length === 2 ? "pod" : "pods"})`;
}

/** Pods of one controller are alike: the first of each comes before the rest. */
function oneOfEachController(existing: readonly Pod[]): Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const rest: Pod[] = [];
  for (const pod of existing) {
    const owner = controllerOf(pod)?.uid;
    if (owner !== undefined && seen.has(owner)) rest.push(pod);
    else first.push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  return [...first, ...rest];
}
