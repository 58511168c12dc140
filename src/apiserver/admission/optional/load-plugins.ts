import {
  ConfigurationError,
  type ConfigurationKind,
  decodeConfiguration,
  decodeDocument,
  parseDocument,
  type Shape,
} from "../../configuration/strict-decode.ts";
import type { ReviewCaller } from "../../review-webhook/review-caller.ts";
import type { AdmissionPlugins, PluginFactory } from "../flagged-plugins.ts";
import type { PodSecurityConfiguration } from "../pod-security/pod-security.ts";
import { type Level, parseMinor, strictness } from "../pod-security/policy.ts";
import type { LimitedResource } from "../quota-check.ts";
import type { WebhookCredentials } from "../webhooks/caller.ts";
import type { EventLimit } from "./event-rate-limit.ts";
import type { TolerationDefaults } from "./pod-toleration-restriction.ts";

/** What reads the files that configurations name: the edge implements it. All reject with ConfigurationError. */
export interface PluginFiles {
  /** A path is relative to the configuration. */
  readonly read: (path: string) => Promise<string>;
  readonly credentials: (kubeconfig: string) => Promise<WebhookCredentials>;
  /** Reaches what the kubeconfig's current context names. */
  readonly callerFor: (
    kubeconfig: string,
    options: { readonly firstDelayMs: number },
  ) => Promise<ReviewCaller>;
}

type PluginLoader = (configuration: unknown, files: PluginFiles) => Promise<PluginFactory>;

/** Makes the plugins that are off unless enabled; each is loaded with the first that asks for it. */
const loaders: Readonly<Record<string, PluginLoader>> = {
  AlwaysAdmit: async () => (await import("./always.ts")).alwaysAdmit,
  AlwaysDeny: async () => (await import("./always.ts")).alwaysDeny,
  AlwaysPullImages: async () => (await import("./always-pull-images.ts")).alwaysPullImages,
  DenyServiceExternalIPs: async () => (await import("./pod-limits.ts")).denyServiceExternalIps,
  LimitPodHardAntiAffinityTopology: async () =>
    (await import("./pod-limits.ts")).limitPodHardAntiAffinityTopology,
  ExtendedResourceToleration: async () =>
    (await import("./extended-resource-toleration.ts")).extendedResourceToleration,
  NamespaceAutoProvision: async () => (await import("./namespace-existence.ts")).namespaceAutoProvision,
  NamespaceExists: async () => (await import("./namespace-existence.ts")).namespaceExists,
  async OwnerReferencesPermissionEnforcement() {
    const { ownerReferencesPermissionEnforcement } = await import("./owner-references.ts");
    return ({ authorizer, policies }) =>
      ownerReferencesPermissionEnforcement({
        authorizer,
        definitions: policies?.definitions ?? (() => []),
      });
  },
  async ImagePolicyWebhook(configuration, { callerFor }) {
    const { imagePolicyWebhook, readImagePolicy } = await import("./image-policy.ts");
    const policy = readImagePolicy(configuration);
    const caller = await callerFor(policy.kubeConfigFile, { firstDelayMs: policy.retryBackoffMs });
    return (options) => imagePolicyWebhook(options, policy, caller);
  },
  async EventRateLimit(configuration) {
    const limits = eventLimits(configuration);
    const { eventRateLimit } = await import("./event-rate-limit.ts");
    return (options) => eventRateLimit(options, limits);
  },
  async PodNodeSelector(configuration) {
    const { podNodeSelector } = await import("./pod-node-selector.ts");
    const given = configuration as { podNodeSelectorPluginConfig?: Record<string, string> } | undefined; // opaque upstream too
    return (options) => podNodeSelector(options, given?.podNodeSelectorPluginConfig);
  },
  async PodTolerationRestriction(configuration) {
    const { podTolerationRestriction } = await import("./pod-toleration-restriction.ts");
    const defaults = (
      configuration === undefined ? {} : decodeDocument(configuration, tolerationConfiguration)
    ) as TolerationDefaults; // the shape was checked
    return (options) => podTolerationRestriction(options, defaults);
  },
};

/** Off unless enabled, and not there at all here. */
const absent = ["ClusterTrustBundleAttest"];

/** Reads the plugins' configuration. Rejects with ConfigurationError. */
export async function loadAdmissionPlugins(flags: {
  readonly enabled: readonly string[];
  readonly disabled: readonly string[];
  /** The text of --admission-control-config-file. */
  readonly configuration?: string;
  readonly files: PluginFiles;
}): Promise<AdmissionPlugins> {
  const missing = flags.enabled.find((name) => absent.includes(name));
  if (missing !== undefined) throw new ConfigurationError(`admission plugin "${missing}" is not there`);
  const configurations = await configurationsOf(flags);
  const added = await Promise.all(
    flags.enabled.flatMap((name) => {
      const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
      return load === undefined ? [] : [named(name, () => load(configurations.get(name), flags.files))];
    }),
  );
  const security = configurations.get("PodSecurity");
  const credentialsOf = async (name: string) => {
    const document = configurations.get(name);
    if (document === undefined) return undefined;
    const { kubeconfigFileOf } = await import("../webhooks/webhook-configuration.ts");
    const path = kubeconfigFileOf(document);
    return path === undefined ? undefined : flags.files.credentials(path);
  };
  const [mutating, validating] = await Promise.all(
    ["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"].map((name) =>
      named(name, () => credentialsOf(name)),
    ),
  );
  const quota = configurations.get("ResourceQuota");
  return {
    disabled: flags.disabled,
    added,
    ...(security === undefined ? {} : { podSecurity: podSecurityOf(security) }),
    ...(mutating === undefined ? {} : { mutatingCredentials: mutating }),
    ...(validating === undefined ? {} : { validatingCredentials: validating }),
    ...(quota === undefined
      ? {}
      : { limitedResources: await named("ResourceQuota", async () => limitedResourcesOf(quota)) }),
  };
}

/** Errors of a plugin's configuration name it. */
async function named<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new ConfigurationError(`couldn't init admission plugin "${name}": ${error.message}`);
  }
}

const admissionConfiguration: ConfigurationKind = {
  kind: "AdmissionConfiguration",
  apiVersions: ["apiserver.config.k8s.io/v1", "apiserver.k8s.io/v1alpha1"],
  fields: { plugins: { list: { fields: { name: "string", path: "string", configuration: "any" } } } },
};

async function configurationsOf({
  configuration,
  files: { read },
}: Pick<Parameters<typeof loadAdmissionPlugins>[0], "configuration" | "files">): Promise<
  ReadonlyMap<string, unknown>
> {
  if (configuration === undefined) return new Map();
  const { plugins = [] } = (await decodeConfiguration(configuration, admissionConfiguration)) as {
    plugins?: readonly { name?: string; path?: string; configuration?: unknown }[]; // the shape was checked
  };
  const entries = await Promise.all(
    plugins.map(
      async ({ name = "", path = "", configuration: nested }): Promise<[string, unknown]> => [
        name,
        nested ?? (path === "" ? undefined : await parseDocument(await read(path))),
      ],
    ),
  );
  // Of two for one plugin the first counts.
  return new Map(entries.reverse().filter(([, value]) => value !== undefined));
}

const texts: Shape = { list: "string" };
const podSecurityConfiguration: ConfigurationKind = {
  kind: "PodSecurityConfiguration",
  apiVersions: ["v1", "v1beta1", "v1alpha1"].map(
    (version) => `pod-security.admission.config.k8s.io/${version}`,
  ),
  fields: {
    defaults: {
      fields: Object.fromEntries(
        ["enforce", "audit", "warn"].flatMap((mode) => [
          [mode, "string"] as const,
          [`${mode}-version`, "string"] as const,
        ]),
      ),
    },
    exemptions: { fields: { usernames: texts, namespaces: texts, runtimeClasses: texts } },
  },
};

function podSecurityOf(document: unknown): PodSecurityConfiguration {
  const { defaults = {}, exemptions = {} } = decodeDocument(document, podSecurityConfiguration) as {
    defaults?: Readonly<Record<string, string>>; // the shape was checked
    exemptions?: Partial<PodSecurityConfiguration["exemptions"]>;
  };
  const levelOf = (mode: "enforce" | "audit" | "warn") => {
    const { [mode]: level = "privileged", [`${mode}-version`]: version = "latest" } = defaults;
    const known = strictness.find((name): name is Level => name === level);
    if (known === undefined)
      throw new ConfigurationError(
        `defaults.${mode}: Invalid value: "${level}": must be one of ${strictness.join(", ")}`,
      );
    const minor = parseMinor(version);
    if (minor === "invalid")
      throw new ConfigurationError(
        `defaults.${mode}-version: Invalid value: "${version}": must be "latest" or "v1.x"`,
      );
    return { level: known, ...(minor === undefined ? {} : { minor }) };
  };
  return {
    defaults: { enforce: levelOf("enforce"), audit: levelOf("audit"), warn: levelOf("warn") },
    exemptions: { usernames: [], namespaces: [], runtimeClasses: [], ...exemptions },
  };
}

const limitedResource: Shape = {
  fields: {
    apiGroup: "string",
    resource: "string",
    matchContains: texts,
    matchScopes: { list: { fields: { scopeName: "string", operator: "string", values: texts } } },
  },
};
const quotaConfiguration: ConfigurationKind = {
  kind: "ResourceQuotaConfiguration",
  apiVersions: ["apiserver.config.k8s.io/v1"],
  fields: { limitedResources: { list: limitedResource } },
};
const olderQuotaConfiguration: ConfigurationKind = {
  ...quotaConfiguration,
  kind: "Configuration",
  apiVersions: ["v1beta1", "v1alpha1"].map((version) => `resourcequota.admission.k8s.io/${version}`),
};

function limitedResourcesOf(document: unknown): readonly LimitedResource[] {
  const isOlder = (document as { kind?: unknown } | null)?.kind === olderQuotaConfiguration.kind;
  const { limitedResources = [] } = decodeDocument(
    document,
    isOlder ? olderQuotaConfiguration : quotaConfiguration,
  ) as { limitedResources?: readonly LimitedResource[] }; // the shape was checked
  const missing = limitedResources
    .map(({ resource = "" }, index) =>
      resource === "" ? `limitedResources[${index}].resource: Required value` : "",
    )
    .filter((message) => message !== "");
  if (missing.length === 0) return limitedResources;
  throw new ConfigurationError(missing.length === 1 ? missing.join() : `[${missing.join(", ")}]`);
}

const toleration: Shape = {
  fields: {
    key: "string",
    operator: "string",
    value: "string",
    effect: "string",
    tolerationSeconds: "number",
  },
};
const tolerationConfiguration: ConfigurationKind = {
  kind: "Configuration",
  apiVersions: ["podtolerationrestriction.admission.k8s.io/v1alpha1"],
  fields: { default: { list: toleration }, whitelist: { list: toleration } },
};

const eventConfiguration: ConfigurationKind = {
  kind: "Configuration",
  apiVersions: ["eventratelimit.admission.k8s.io/v1alpha1"],
  fields: {
    limits: { list: { fields: { type: "string", qps: "number", burst: "number", cacheSize: "number" } } },
  },
};
const limitTypes = ["Server", "Namespace", "User", "SourceAndObject"];

function eventLimits(document: unknown): readonly EventLimit[] {
  const { limits = [] } = (document === undefined ? {} : decodeDocument(document, eventConfiguration)) as {
    limits?: readonly EventLimit[]; // the shape was checked
  };
  if (limits.length === 0) throw new ConfigurationError("limits: Invalid value: []: must not be empty");
  for (const [index, { type, qps, burst, cacheSize = 0 }] of limits.entries()) {
    const refuse = (field: string, value: unknown, why: string) =>
      new ConfigurationError(`limits[${index}].${field}: Invalid value: ${JSON.stringify(value)}: ${why}`);
    if (!limitTypes.includes(type))
      throw new ConfigurationError(
        `limits[${index}].type: Unsupported value: "${type}": supported values: ${limitTypes
          .toSorted()
          .map((name) => `"${name}"`)
          .join(", ")}`,
      );
    if (!(qps > 0)) throw refuse("qps", qps, "must be positive");
    if (!(burst > 0)) throw refuse("burst", burst, "must be positive");
    if (cacheSize < 0) throw refuse("cacheSize", cacheSize, "must not be negative");
  }
  return limits;
}
