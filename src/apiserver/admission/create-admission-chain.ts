import type { AdmissionPlugin } from "../stages.ts";
import {
  certificateApproval,
  certificateRequestor,
  certificateSigning,
  certificateSubjectRestriction,
  type ReadSubject,
} from "./certificates.ts";
import { claimAuthorization } from "./claim-authorization.ts";
import type { AdmissionDependencies } from "./dependencies.ts";
import type { AdmissionPlugins } from "./flagged-plugins.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeDeclaredFeatureValidator } from "./node-declared-features.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { inOrder } from "./plugin-order.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./pod-defaults.ts";
import { podResizeValidator, podTopologyLabels } from "./pod-on-node.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { mutatingPolicies } from "./policies/mutating-plugin.ts";
import type { PolicyDependencies } from "./policies/policy-dependencies.ts";
import { validatingPolicies } from "./policies/validating-plugin.ts";
import { priority } from "./priority.ts";
import { rbacEscalation } from "./rbac-escalation.ts";
import { resourceQuota } from "./resource-quota.ts";
import { runtimeClassPlugin } from "./runtime-class.ts";
import { serviceAccountPlugin } from "./service-account.ts";
import {
  claimResize,
  defaultIngressClass,
  defaultStorageClass,
  storageObjectInUseProtection,
} from "./storage-plugins.ts";
import type { WebhookCredentials } from "./webhooks/caller.ts";
import type { WebhookDependencies } from "./webhooks/dispatch.ts";
import { mutatingWebhooks, validatingWebhooks } from "./webhooks/webhook-plugins.ts";

export interface AdmissionChainOptions extends AdmissionDependencies {
  readonly readSubject: ReadSubject;
  /** Absent: webhooks are not called, and no request is refused for it. */
  readonly webhooks?: Omit<WebhookDependencies, keyof AdmissionDependencies>;
  /** Absent: admission policies are not evaluated. */
  readonly policies?: Omit<PolicyDependencies, keyof AdmissionDependencies>;
  /** Whether the caches that plugins read have their first lists; if not, `synced` is waited for. */
  readonly hasSynced: () => boolean;
  readonly synced: () => Promise<void>;
  /** What flags turn on, off or configure. */
  readonly plugins?: AdmissionPlugins;
}

/** The plugins that a kube-apiserver v1.36 enables by default, and those that are asked for, in its order. */
export function createAdmissionChain(options: AdmissionChainOptions): AdmissionPlugin[] {
  const { disabled = [], added = [], podSecurity: security, limitedResources } = options.plugins ?? {};
  const isEnabled = ({ name }: AdmissionPlugin) => !disabled.includes(name);
  const more = added.map((make) => make(options));
  const isLast = ({ name }: AdmissionPlugin) => name === "AlwaysDeny";
  const first: AdmissionPlugin[] = inOrder([
    certificateRequestor(),
    namespaceLifecycle(options),
    limitRanger(options),
    serviceAccountPlugin(options),
    nodeRestriction(options, options.readSubject),
    taintNodesByCondition(),
    podSecurity(options, security),
    priority(options),
    defaultTolerationSeconds(options.plugins?.tolerationSeconds),
    defaultStorageClass(options),
    storageObjectInUseProtection(),
    claimResize(options),
    runtimeClassPlugin(options),
    certificateApproval(options.authorizer),
    certificateSigning(options.authorizer),
    certificateSubjectRestriction(options.readSubject),
    defaultIngressClass(options),
    podTopologyLabels(options),
    nodeDeclaredFeatureValidator(options),
    podResizeValidator(options),
    ...more.filter((plugin) => !isLast(plugin)),
  ]).filter(isEnabled);
  const webhooks = options.webhooks === undefined ? undefined : { ...options, ...options.webhooks };
  const policies = options.policies === undefined ? undefined : { ...options, ...options.policies };
  const last: AdmissionPlugin[] = [
    ...(policies === undefined ? [] : [mutatingPolicies(policies)]),
    ...(webhooks === undefined
      ? []
      : [mutatingWebhooks({ ...webhooks, ...credentials(options.plugins?.mutatingCredentials) })]),
    ...(policies === undefined ? [] : [validatingPolicies(policies)]),
    ...(webhooks === undefined
      ? []
      : [validatingWebhooks({ ...webhooks, ...credentials(options.plugins?.validatingCredentials) })]),
    resourceQuota(options, limitedResources),
    ...more.filter(isLast),
    claimAuthorization(options),
    rbacEscalation(options),
  ].filter(isEnabled);
  return [...first, ...last].map((plugin) => afterSync(plugin, options));
}

function credentials(found: WebhookCredentials | undefined): { readonly credentials?: WebhookCredentials } {
  return found === undefined ? {} : { credentials: found };
}

/** Holds a plugin back until the caches are filled; costs nothing afterwards. */
function afterSync(
  plugin: AdmissionPlugin,
  { hasSynced, synced }: Pick<AdmissionChainOptions, "hasSynced" | "synced">,
): AdmissionPlugin {
  const { admit, validate } = plugin;
  return {
    name: plugin.name,
    handles: plugin.handles,
    ...(admit === undefined
      ? {}
      : {
          admit: (attributes) => (hasSynced() ? admit(attributes) : synced().then(() => admit(attributes))),
        }),
    ...(validate === undefined
      ? {}
      : {
          validate: (attributes) =>
            hasSynced() ? validate(attributes) : synced().then(() => validate(attributes)),
        }),
  };
}
