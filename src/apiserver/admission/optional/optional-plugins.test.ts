import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeObject } from "../../../apimachinery/meta.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { ConfigurationError } from "../../configuration/strict-decode.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import type { AdmissionPlugins } from "../flagged-plugins.ts";
import { nodeDeclaredFeatureValidator } from "../node-declared-features.ts";
import { inOrder } from "../plugin-order.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "../test-support.ts";
import { eventRateLimit } from "./event-rate-limit.ts";
import { loadAdmissionPlugins, type PluginFiles } from "./load-plugins.ts";

const namespace = (annotations: Readonly<Record<string, string>> = {}) =>
  object("Namespace", "ns", { spec: {} }, { annotations });
const device = { resources: { requests: { "example.com/gpu": "1" } } };

const noFile = async () => {
  throw new ConfigurationError("there is no file");
};
const noFiles: PluginFiles = { read: async () => "", credentials: noFile, callerFor: noFile };

const load = (enabled: readonly string[], configuration?: object) =>
  loadAdmissionPlugins({
    enabled,
    disabled: [],
    ...(configuration === undefined ? {} : { configuration: JSON.stringify(configuration) }),
    files: noFiles,
  });

async function pluginOf(loaded: AdmissionPlugins, namespaces: readonly KubeObject[], allow = false) {
  const [make] = loaded.added;
  assert.ok(make);
  const dependencies = fixedDependencies({ namespaces } as never); // the objects are namespaces
  return make({
    ...dependencies,
    authorizer: { authorize: ({ verb }) => ({ allowed: allow || verb === "update", reason: "no" }) },
  });
}

const configured = (name: string, configuration: object) => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AdmissionConfiguration",
  plugins: [{ name, configuration }],
});
const term = (topologyKey: string) => ({
  affinity: {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: {} }] },
  },
});
const owned = podOf({}, { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "1" }] });

interface Case {
  readonly plugin: string;
  readonly does: string;
  readonly attributes: AdmissionAttributes;
  readonly namespaces?: readonly KubeObject[];
  readonly configuration?: object;
  /** The message it refuses with, or what is in the pod's spec afterwards. */
  readonly want: string | object;
}

const cases: readonly Case[] = [
  {
    plugin: "AlwaysDeny",
    does: "lets nothing pass",
    attributes: attributesFor("pods", podOf()),
    want: 'pods "p" is forbidden: admission control is denying all modifications',
  },
  {
    plugin: "AlwaysPullImages",
    does: "has every image pulled",
    attributes: attributesFor(
      "pods",
      podOf({ volumes: [{ name: "v", image: { reference: "i", pullPolicy: "Never" } }] }),
    ),
    want: {
      containers: [{ name: "c", image: "i", imagePullPolicy: "Always" }],
      volumes: [{ name: "v", image: { reference: "i", pullPolicy: "Always" } }],
    },
  },
  {
    plugin: "LimitPodHardAntiAffinityTopology",
    does: "refuses a zone",
    attributes: attributesFor("pods", podOf(term("zone"))),
    want: 'pods "p" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  },
  {
    plugin: "DenyServiceExternalIPs",
    does: "refuses a new address",
    attributes: attributesFor("services", object("Service", "s", { spec: { externalIPs: ["1.2.3.4"] } })),
    want: 'services "s" is forbidden: Use of external IPs is denied by admission control.',
  },
  {
    plugin: "ExtendedResourceToleration",
    does: "tolerates a device's taint once",
    attributes: attributesFor("pods", podOf({ containers: [device], initContainers: [device] })),
    want: { tolerations: [{ key: "example.com/gpu", operator: "Exists", effect: "NoSchedule" }] },
  },
  {
    plugin: "NamespaceExists",
    does: "refuses a namespace that is not there",
    attributes: attributesFor("pods", podOf()),
    want: 'namespaces "ns" not found',
  },
  {
    plugin: "PodNodeSelector",
    does: "selects what the namespace selects",
    attributes: attributesFor("pods", podOf({ nodeSelector: { disk: "ssd" } })),
    namespaces: [namespace({ "scheduler.alpha.kubernetes.io/node-selector": "zone=a, tier=x" })],
    want: { nodeSelector: { disk: "ssd", zone: "a", tier: "x" } },
  },
  {
    plugin: "PodNodeSelector",
    does: "refuses what contradicts it",
    attributes: attributesFor("pods", podOf({ nodeSelector: { zone: "b" } })),
    namespaces: [namespace({ "scheduler.alpha.kubernetes.io/node-selector": "zone=a" })],
    want: 'pods "p" is forbidden: pod node label selector conflicts with its namespace node label selector',
  },
  {
    plugin: "PodNodeSelector",
    does: "refuses what the administrator does not allow the namespace",
    attributes: attributesFor("pods", podOf({ nodeSelector: { disk: "ssd" } })),
    namespaces: [namespace()],
    configuration: {
      podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: "zone=a", ns: "zone=a" },
    },
    want: 'pods "p" is forbidden: pod node label selector labels conflict with its namespace whitelist',
  },
  {
    plugin: "PodTolerationRestriction",
    does: "adds what the namespace tolerates, and memory pressure for what has requests",
    attributes: attributesFor("pods", podOf({ containers: [{ resources: { requests: { cpu: "1" } } }] })),
    namespaces: [
      namespace({ "scheduler.alpha.kubernetes.io/defaultTolerations": '[{"key":"a","operator":"Exists"}]' }),
    ],
    want: {
      tolerations: [
        { key: "a", operator: "Exists" },
        { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
      ],
    },
  },
  {
    plugin: "PodTolerationRestriction",
    does: "refuses more than is allowed",
    attributes: attributesFor("pods", podOf({ tolerations: [{ key: "b", operator: "Exists" }] })),
    namespaces: [namespace()],
    configuration: {
      apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
      kind: "Configuration",
      whitelist: [{ key: "a", operator: "Exists" }],
    },
    want: "pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist",
  },
  {
    plugin: "OwnerReferencesPermissionEnforcement",
    does: "refuses an owner of what its author may not delete",
    attributes: attributesFor("pods", owned),
    want: `pods "p" is forbidden: cannot set an ownerRef on a resource you can't delete: no, <nil>`,
  },
];

for (const { plugin, does, attributes, namespaces = [], configuration, want } of cases) {
  test(`${plugin} ${does}`, async () => {
    const loaded = await load([plugin], configuration && configured(plugin, configuration));
    const result = await admitted(await pluginOf(loaded, namespaces), attributes);
    if (typeof want === "string" || typeof result === "string") assert.deepEqual(result, want);
    else assert.deepEqual({ ...(result.spec as object), ...want }, result.spec);
  });
}

test("OwnerReferencesPermissionEnforcement leaves owners alone that nobody changed", async () => {
  const plugin = await pluginOf(await load(["OwnerReferencesPermissionEnforcement"]), []);
  const attributes = attributesFor("pods", owned, { oldObject: owned as AnyObject });
  assert.equal(await admitted(plugin, attributes), owned);
});

test("EventRateLimit takes a burst, then so many a second, and each key for itself", async () => {
  const clock = new VirtualClock();
  const plugin = eventRateLimit({ clock }, [{ type: "Namespace", qps: 1, burst: 2 }]);
  const event = (name: string) =>
    admitted(plugin, {
      ...attributesFor("events", object("Event", "e")),
      namespace: name,
    });
  const refused = "limit reached on type Namespace for key a";
  assert.notEqual(await event("a"), refused);
  assert.notEqual(await event("a"), refused);
  assert.equal(await event("a"), refused);
  assert.notEqual(await event("b"), refused);
  await clock.advance(1000);
  assert.notEqual(await event("a"), refused);
});

for (const [what, enabled, configuration, want] of [
  ["an unknown field", [], { ...configured("PodSecurity", {}), more: 1 }, /unknown field "more"/],
  [
    "a level that is none",
    [],
    configured("PodSecurity", {
      apiVersion: "pod-security.admission.config.k8s.io/v1",
      kind: "PodSecurityConfiguration",
      defaults: { enforce: "strict" },
    }),
    /defaults.enforce: Invalid value: "strict"/,
  ],
  [
    "event limits that are missing",
    ["EventRateLimit"],
    undefined,
    /couldn't init admission plugin "EventRateLimit"/,
  ],
  [
    "a plugin that is not there",
    ["ClusterTrustBundleAttest"],
    undefined,
    /"ClusterTrustBundleAttest" is not there/,
  ],
  [
    "no policy of images",
    ["ImagePolicyWebhook"],
    undefined,
    /couldn't init admission plugin "ImagePolicyWebhook": no config specified$/,
  ],
  [
    "images kept for too long",
    ["ImagePolicyWebhook"],
    configured("ImagePolicyWebhook", { imagePolicy: { kubeConfigFile: "/k", allowTTL: 1801 } }),
    /valid value is between 1s and 30m0s, got 30m1s$/,
  ],
  [
    "a limited resource without a name",
    [],
    configured("ResourceQuota", {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "ResourceQuotaConfiguration",
      limitedResources: [{ matchContains: ["x"] }],
    }),
    /limitedResources\[0\].resource: Required value$/,
  ],
  [
    "a kubeconfig somewhere",
    [],
    configured("MutatingAdmissionWebhook", {
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "WebhookAdmissionConfiguration",
      kubeConfigFile: "here.yaml",
    }),
    /kubeConfigFile: Invalid value: "here.yaml": must be an absolute file path$/,
  ],
] as const) {
  test(`a configuration with ${what} is refused`, () => assert.rejects(load(enabled, configuration), want));
}

test("PodSecurity's defaults and exemptions are an administrator's", async () => {
  const { podSecurity } = await load(
    [],
    configured("PodSecurity", {
      apiVersion: "pod-security.admission.config.k8s.io/v1",
      kind: "PodSecurityConfiguration",
      defaults: { enforce: "baseline", "enforce-version": "v1.30" },
      exemptions: { namespaces: ["free"] },
    }),
  );
  assert.deepEqual(podSecurity, {
    defaults: {
      enforce: { level: "baseline", minor: 30 },
      audit: { level: "privileged" },
      warn: { level: "privileged" },
    },
    exemptions: { usernames: [], namespaces: ["free"], runtimeClasses: [] },
  });
  const { podSecurity: plugin } = await import("../pod-security/pod-security.ts");
  const host = podOf({ hostNetwork: true });
  const at = (name: string) =>
    admitted(
      plugin(fixedDependencies({ namespaces: [object("Namespace", name)] } as never), podSecurity), // a namespace
      attributesFor("pods", host, { namespace: name }),
    );
  assert.match(String(await at("ns")), /violates PodSecurity "baseline:v1.30": host namespaces/);
  assert.equal(await at("free"), host);
});

test("NodeDeclaredFeatureValidator refuses a change that the node does not know", async () => {
  const at = (cpu: string) => podOf({ nodeName: "n", resources: { requests: { cpu } } });
  const change = attributesFor("pods", at("2"), { subresource: "resize", oldObject: at("1") as AnyObject });
  const judged = (declaredFeatures: readonly string[]) => {
    const node = object("Node", "n", { status: { declaredFeatures } });
    return admitted(nodeDeclaredFeatureValidator(fixedDependencies({ nodes: [node] } as never)), change); // a node
  };
  assert.equal(
    await judged([]),
    'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling which are not available on node "n"',
  );
  assert.notEqual(typeof (await judged(["InPlacePodLevelResourcesVerticalScaling"])), "string");
});

test("plugins are asked in upstream's order, whatever the flag's", () => {
  const names = ["PodNodeSelector", "AlwaysPullImages", "NamespaceLifecycle", "NamespaceAutoProvision"];
  assert.deepEqual(
    inOrder(names.map((name) => ({ name }))).map(({ name }) => name),
    names.toReversed(),
  );
});
