import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec } from "../../../api/core/types.generated.ts";
import { admitted, attributesFor, fixedDependencies, object, podOf } from "../test-support.ts";
import { podSecurity } from "./pod-security.ts";
import { describeViolations, evaluatePod, type LevelVersion, policyOf } from "./policy.ts";

const latest = (level: LevelVersion["level"]): LevelVersion => ({ level });
const restrictedContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};
const container = (fields: object = {}) => ({ name: "c", image: "i", ...fields });
const good = (fields: object = {}, spec: object = {}) => ({
  containers: [container({ securityContext: { ...restrictedContext, ...fields } })],
  ...spec,
});

for (const { name, level, spec, metadata = {}, want } of [
  {
    name: "anything at privileged",
    level: latest("privileged"),
    spec: { hostPID: true, containers: [] },
    want: "",
  },
  {
    name: "a plain pod at baseline",
    level: latest("baseline"),
    spec: { containers: [container()] },
    want: "",
  },
  {
    name: "the annotations that seccomp profiles were before 1.19",
    level: { ...latest("baseline"), minor: 18 },
    metadata: {
      annotations: {
        "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
        "container.seccomp.security.alpha.kubernetes.io/c": "unconfined",
        "container.seccomp.security.alpha.kubernetes.io/other": "unconfined",
      },
    },
    spec: { containers: [container()] },
    want: 'seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/c="unconfined", seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  },
  {
    name: "no annotations since 1.19",
    level: { ...latest("baseline"), minor: 19 },
    metadata: { annotations: { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" } },
    spec: { containers: [container()] },
    want: "",
  },
  { name: "a locked down pod at restricted", level: latest("restricted"), spec: good(), want: "" },
  {
    name: "host namespaces",
    level: latest("baseline"),
    spec: { containers: [container()], hostNetwork: true, hostIPC: true },
    want: "host namespaces (hostNetwork=true, hostIPC=true)",
  },
  {
    name: "privileged containers, all of them named",
    level: latest("baseline"),
    spec: {
      initContainers: [{ ...container({ securityContext: { privileged: true } }), name: "a" }],
      containers: [{ ...container({ securityContext: { privileged: true } }), name: "b" }],
    },
    want: 'privileged (containers "a", "b" must not set securityContext.privileged=true)',
  },
  {
    name: "added capabilities",
    level: latest("baseline"),
    spec: { containers: [container({ securityContext: { capabilities: { add: ["NET_RAW", "CHOWN"] } } })] },
    want: 'non-default capabilities (container "c" must not include "NET_RAW" in securityContext.capabilities.add)',
  },
  {
    name: "host paths and ports",
    level: latest("baseline"),
    spec: {
      containers: [container({ ports: [{ containerPort: 1, hostPort: 80 }] })],
      volumes: [{ name: "v", hostPath: { path: "/" } }],
    },
    want: 'hostPath volumes (volume "v"), hostPort (container "c" uses hostPort 80)',
  },
  {
    name: "a probe of another host, since v1.34",
    level: latest("baseline"),
    spec: { containers: [container({ livenessProbe: { httpGet: { host: "example.org", port: 80 } } })] },
    want: 'probe or lifecycle host (container "c" uses probe or lifecycle host "example.org")',
  },
  {
    name: "no probe of another host by an older version",
    level: { level: "baseline", minor: 33 } as const,
    spec: { containers: [container({ livenessProbe: { httpGet: { host: "example.org", port: 80 } } })] },
    want: "",
  },
  {
    name: "an unconfined seccomp profile",
    level: latest("baseline"),
    spec: { containers: [container()], securityContext: { seccompProfile: { type: "Unconfined" } } },
    want: 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    name: "an AppArmor annotation",
    level: latest("baseline"),
    metadata: { annotations: { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" } },
    spec: { containers: [container()] },
    want: 'forbidden AppArmor profile (annotation must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/c="unconfined"")',
  },
  {
    name: "SELinux users",
    level: latest("baseline"),
    spec: { containers: [container({ securityContext: { seLinuxOptions: { user: "u", type: "x" } } })] },
    want: 'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "x"; user may not be set)',
  },
  {
    name: "an unsafe sysctl",
    level: latest("baseline"),
    spec: {
      containers: [container()],
      securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] },
    },
    want: "forbidden sysctls (kernel.msgmax)",
  },
  {
    name: "a sysctl that is safe only since v1.32",
    level: { level: "baseline", minor: 31 } as const,
    spec: {
      containers: [container()],
      securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem", value: "1" }] },
    },
    want: "forbidden sysctls (net.ipv4.tcp_rmem)",
  },
  {
    name: "all that a plain pod lacks at restricted",
    level: latest("restricted"),
    spec: { containers: [container()] },
    want: 'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  },
  {
    name: "root by number",
    level: latest("restricted"),
    spec: good({ runAsUser: 0 }),
    want: 'runAsUser=0 (container "c" must not set runAsUser=0)',
  },
  {
    name: "no root in a user namespace",
    level: latest("restricted"),
    spec: good({ runAsUser: 0, runAsNonRoot: undefined }, { hostUsers: false }),
    want: "",
  },
  {
    name: "a volume type once, under restricted",
    level: latest("restricted"),
    spec: good({}, { volumes: [{ name: "v", hostPath: { path: "/" } }] }),
    want: 'restricted volume types (volume "v" uses restricted volume type "hostPath")',
  },
]) {
  test(`pod security names ${name}`, () =>
    // Only the fields that the checks look at are given.
    assert.equal(describeViolations(evaluatePod(level, metadata, spec as unknown as PodSpec)), want));
}

for (const { name, labels, want } of [
  { name: "is privileged without labels", labels: {}, want: ["privileged", "privileged", "privileged"] },
  {
    name: "warns of what it enforces",
    labels: { enforce: "baseline" },
    want: ["baseline", "privileged", "baseline"],
  },
  {
    name: "warns as it is told",
    labels: { enforce: "baseline", warn: "restricted" },
    want: ["baseline", "privileged", "restricted"],
  },
  {
    name: "enforces the strictest for a wrong level, and warns of nothing",
    labels: { enforce: "basline" },
    want: ["restricted", "privileged", "privileged"],
  },
]) {
  test(`pod security: a namespace ${name}`, () => {
    const prefixed = Object.entries(labels).map(([mode, value]) => [
      `pod-security.kubernetes.io/${mode}`,
      value,
    ]);
    const { policy } = policyOf(Object.fromEntries(prefixed));
    assert.deepEqual([policy.enforce.level, policy.audit.level, policy.warn.level], want);
  });
}

const labelled = (labels: Record<string, string>) => object("Namespace", "ns", {}, { labels });
const enforce = { "pod-security.kubernetes.io/enforce": "baseline" };

test("pod security warns the author of a controller whose pods would be refused", async () => {
  const warnings: string[] = [];
  const plugin = podSecurity(fixedDependencies({ namespaces: [labelled(enforce)] }));
  const deployment = object("Deployment", "d", {
    spec: { template: { spec: { hostPID: true, containers: [] } } },
  });
  const result = await admitted(
    plugin,
    attributesFor("deployments", deployment, {
      resource: { group: "apps", version: "v1", resource: "deployments" },
      warn: (text) => warnings.push(text),
    }),
  );
  assert.equal(result, deployment);
  assert.deepEqual(warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
});

test("pod security warns of the pods that a stricter namespace would have refused", async () => {
  const warnings: string[] = [];
  const bad = (name: string) =>
    object("Pod", name, { spec: { hostPID: true, containers: [] } }, { namespace: "ns" });
  const plugin = podSecurity(fixedDependencies({ pods: [bad("b"), bad("a"), podOf()] }));
  await admitted(
    plugin,
    attributesFor("namespaces", labelled(enforce), {
      namespace: "",
      oldObject: labelled({}) as never,
      warn: (text) => warnings.push(text),
    }),
  );
  assert.deepEqual(warnings, [
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    "a (and 1 other pod): host namespaces",
  ]);
});

test("pod security refuses a namespace label that says nothing", async () => {
  const plugin = podSecurity(fixedDependencies());
  const result = await admitted(
    plugin,
    attributesFor("namespaces", labelled({ "pod-security.kubernetes.io/enforce": "tight" }), {
      namespace: "",
    }),
  );
  assert.equal(
    result,
    'Namespace "ns" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "tight": must be one of privileged, baseline, restricted',
  );
});

test("pod security lets a pod's labels be changed, and no new image in", async () => {
  const plugin = podSecurity(fixedDependencies({ namespaces: [labelled(enforce)] }));
  const old = podOf({ hostPID: true });
  const relabelled = podOf({ hostPID: true }, { labels: { a: "b" } });
  assert.equal(
    await admitted(plugin, attributesFor("pods", relabelled, { oldObject: old as never })),
    relabelled,
  );
  const changed = podOf({ hostPID: true, containers: [container({ image: "other" })] });
  assert.match(
    String(await admitted(plugin, attributesFor("pods", changed, { oldObject: old as never }))),
    /violates/,
  );
});
