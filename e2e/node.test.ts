import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { busyboxImage } from "../examples/images/busybox.ts";
import { mirrorRegistry, type Registry, serveRegistry } from "../src/kubelet/images/registry.ts";
import { eventually, RealCluster, run, skipReason } from "./test-support/cluster.ts";
import {
  Api,
  busybox,
  Namespace,
  type PodJson,
  pod,
  type Spec,
  shell,
  untilTerminated,
} from "./test-support/namespace.ts";
import { serverPod } from "./test-support/server-pod.ts";

const container = (found: PodJson, name = "main") => {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = found.status;
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const status = all.find((candidate) => candidate.name === name);
  assert.ok(status, `the status of container ${name}: ${JSON.stringify(found.status)}`);
  return status;
};
const restarts = (found: PodJson) => found.status.containerStatuses?.[0]?.restartCount ?? 0;

describe("Pods on a real node", { skip: skipReason, concurrency: 6 }, () => {
  let cluster: RealCluster;
  let api: Api;
  const namespace = (name: string) => Namespace.create(cluster, api, name);

  before(async () => {
    cluster = await RealCluster.start({ nodes: 2 });
    api = await Api.start(cluster);
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  test("Environment: ConfigMap, from environment field; ConfigMap, from environment variables; ConfigMap, from environment field with various prefixes; Secrets, pod environment field; Secrets, pod environment from source; Environment variables, expansion; Environment variables, command expansion; Environment variables, command argument expansion", async () => {
    const space = await namespace("environment");
    await space.create(
      { kind: "ConfigMap", metadata: { name: "config" }, data: { one: "1", two: "2" } },
      { kind: "Secret", metadata: { name: "secret" }, stringData: { three: "3" } },
    );
    const lines = await space.lines("env", {
      containers: [
        {
          name: "main",
          image: busybox,
          command: ["sh", "-c", "$(COMMAND); env | grep -E '^(p_|one|two|three|T_)' | sort; echo $0 $1 $2"],
          args: ["$(T_BOTH)", "$$(T_BOTH)", "$(T_UNKNOWN)"],
          envFrom: [
            { configMapRef: { name: "config" } },
            { prefix: "p_", configMapRef: { name: "config" } },
            { prefix: "p_", secretRef: { name: "secret" } },
            { secretRef: { name: "missing", optional: true } },
          ],
          env: [
            { name: "T_ONE", valueFrom: { configMapKeyRef: { name: "config", key: "one" } } },
            { name: "T_THREE", valueFrom: { secretKeyRef: { name: "secret", key: "three" } } },
            {
              name: "T_NONE",
              valueFrom: { configMapKeyRef: { name: "config", key: "none", optional: true } },
            },
            { name: "T_BOTH", value: "$(T_ONE);;$(T_THREE)" },
            { name: "COMMAND", value: "echo from-variable" },
          ],
        },
      ],
    });
    const own = ["T_BOTH=1;;3", "T_ONE=1", "T_THREE=3"];
    assert.deepEqual(lines, [
      "from-variable",
      ...own,
      "one=1",
      "p_one=1",
      "p_three=3",
      "p_two=2",
      "two=2",
      "1;;3 $(T_BOTH) $(T_UNKNOWN)",
    ]);
  });

  test("A pod's own fields: DownwardAPI, environment for name, namespace and ip; DownwardAPI, environment for host ip; DownwardAPI, environment for hostIPs; DownwardAPI, environment for Pod UID; DownwardAPI, environment for CPU and memory limits and requests; DownwardAPI, environment for default CPU and memory limits and requests; Pods, assigned hostip", async () => {
    const space = await namespace("downward");
    const fields = ["metadata.name", "metadata.namespace", "metadata.uid", "status.podIP", "status.hostIP"];
    const more = ["status.hostIPs", "spec.nodeName", "spec.serviceAccountName"];
    const fieldEnv = [...fields, ...more].map((fieldPath, index) => ({
      name: `F${index}`,
      valueFrom: { fieldRef: { fieldPath } },
    }));
    const resources = ["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
    const resourceEnv = resources.map((resource, index) => ({
      name: `R${index}`,
      valueFrom: { resourceFieldRef: { resource, ...(resource.includes("cpu") ? { divisor: "1m" } : {}) } },
    }));
    const script = "for i in 0 1 2 3 4 5 6 7; do eval echo \\$F$i; done; echo $R0 $R1 $R2 $R3";
    const lines = await space.lines("self", {
      containers: [
        shell(script, {
          env: [...fieldEnv, ...resourceEnv],
          resources: {
            requests: { cpu: "250m", memory: "32Mi" },
            limits: { cpu: "1250m", memory: "64Mi" },
          },
        }),
      ],
    });
    const { metadata, spec, status } = await space.pod("self");
    assert.deepEqual(lines, [
      "self",
      "downward",
      metadata.uid,
      status.podIP,
      status.hostIP,
      status.hostIP,
      spec.nodeName,
      "default",
      "1250 67108864 250 33554432",
    ]);
    const unlimited = await space.lines("unlimited", {
      containers: [shell("echo $R0 $R1", { env: resourceEnv })],
    });
    const node = await api.get<{ status: { allocatable: { cpu: string; memory: string } } }>(
      `api/v1/nodes/${(await space.pod("unlimited")).spec.nodeName}`,
    );
    const { cpu, memory } = node.status.allocatable;
    assert.equal(unlimited[0], `${Number(cpu) * 1000} ${Number.parseInt(memory, 10) * 1024}`);
  });

  test("Containers, without command and arguments; Containers, with command; Containers, with arguments; Containers, with command and arguments; Kubelet, log output, default", async () => {
    const space = await namespace("commands");
    const of = (name: string, fields: Spec) =>
      space.lines(name, { containers: [{ name: "main", image: busybox, ...fields }] });
    assert.deepEqual(await of("command", { command: ["echo", "command"] }), ["command"]);
    assert.deepEqual(await of("arguments", { args: ["echo", "arguments"] }), ["arguments"]);
    assert.deepEqual(await of("both", { command: ["echo"], args: ["both", "of them"] }), ["both of them"]);
    assert.deepEqual(await of("neither", {}), []);
  });

  test("Security Context, runAsUser=65534; Security Context, test RunAsGroup at container level; Security Context, test RunAsGroup at pod level; Security Context, readOnlyRootFilesystem=false.; Kubelet, pod with read only root file system; Security Context, privileged=false.; Security Context, allowPrivilegeEscalation=false.", async () => {
    const space = await namespace("security");
    const script =
      "id; touch /file 2>/dev/null && echo writes || echo reads; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status | tr '\\n\\t' '  '; echo";
    const of = (name: string, podContext: Spec, containerContext: Spec) =>
      space.lines(name, {
        securityContext: podContext,
        containers: [shell(script, { securityContext: containerContext })],
      });
    const [plain, user, group, readOnly, privileged, confined] = await Promise.all([
      of("plain", {}, {}),
      of("user", { runAsUser: 1001, runAsGroup: 2002 }, { runAsUser: 65534 }),
      of("group", { runAsUser: 1001, runAsGroup: 2002, supplementalGroups: [3003] }, {}),
      of("read-only", {}, { readOnlyRootFilesystem: true, runAsUser: 65534, runAsGroup: 7 }),
      of("privileged", {}, { privileged: true }),
      of(
        "confined",
        { seccompProfile: { type: "RuntimeDefault" } },
        { runAsUser: 1000, allowPrivilegeEscalation: false },
      ),
    ]);
    assert.match(plain.join("\n"), /^uid=0.*\nwrites\nCapEff: \S+ NoNewPrivs: 0 Seccomp: 0/);
    assert.match(user.join("\n"), /^uid=65534\S* gid=2002/);
    assert.match(group.join("\n"), /^uid=1001 gid=2002 groups=2002,3003\n/);
    assert.match(readOnly.join("\n"), /^uid=65534\S* gid=7.*\nreads\n/);
    const mayAdminister = (lines: readonly string[]) =>
      (BigInt(`0x${/CapEff: (\S+)/.exec(lines.join("\n"))?.[1]}`) >> 21n) & 1n;
    assert.deepEqual([plain, privileged].map(mayAdminister), [0n, 1n]);
    assert.match(confined.join("\n"), /NoNewPrivs: 1 Seccomp: 2/);
    await space.create(
      pod("root-refused", {
        securityContext: { runAsNonRoot: true },
        containers: [shell("true")],
      }),
    );
    const refused = await space.until(
      "root-refused",
      "refused",
      (found) => found.status.containerStatuses?.[0]?.state.waiting?.reason === "CreateContainerConfigError",
    );
    assert.match(String(container(refused).state.waiting?.message), /runAsNonRoot/);
  });

  test("Sysctl, test sysctls; Sysctls, reject invalid sysctls", async () => {
    const space = await namespace("sysctls");
    const sysctls = [{ name: "kernel.shm_rmid_forced", value: "1" }];
    assert.deepEqual(
      await space.lines("safe", {
        securityContext: { sysctls },
        containers: [shell("cat /proc/sys/kernel/shm_rmid_forced")],
      }),
      ["1"],
    );
    const invalid = [{ name: "foo-", value: "bar" }];
    const reply = await api.send<{ message: string }>(
      "POST",
      space.path("Pod"),
      pod("invalid", { securityContext: { sysctls: invalid }, containers: [shell("true")] }),
    );
    assert.equal(reply.status, 422);
    assert.match(reply.body.message, /spec\.securityContext\.sysctls\[0\]\.name: Invalid value: "foo-"/);
    const unsafe = [{ name: "kernel.msgmax", value: "10000000000" }];
    await space.create(pod("unsafe", { securityContext: { sysctls: unsafe }, containers: [shell("true")] }));
    assert.equal((await space.ended("unsafe")).status.reason, "SysctlForbidden");
  });

  test("Kubelet, managed etc hosts; Kubelet, hostAliases; hostNetwork and hostPID", async () => {
    const space = await namespace("hosts");
    const script = "cat /etc/hosts; hostname; ps | grep -c .";
    const hostAliases = [{ ip: "123.45.67.89", hostnames: ["foo", "bar"] }];
    const [own, host, mounted] = await Promise.all([
      space.lines("own", { hostAliases, containers: [shell(script)] }),
      space.lines("host", {
        hostNetwork: true,
        hostPID: true,
        nodeName: "node-2",
        containers: [shell(script)],
      }),
      space.lines("mounted", {
        volumes: [{ name: "mine", emptyDir: {} }],
        containers: [
          shell("ls -A /etc/hosts", { volumeMounts: [{ name: "mine", mountPath: "/etc/hosts" }] }),
        ],
      }),
    ]);
    const { status } = await space.pod("own");
    const text = own.join("\n");
    assert.match(text, /^# Kubernetes-managed hosts file\.$/m);
    assert.match(text, /^123\.45\.67\.89\tfoo\tbar$/m);
    assert.ok(text.includes(`${status.podIP}\town`));
    assert.equal(own.at(-2), "own");
    assert.equal((await space.pod("host")).status.podIP, (await space.pod("host")).status.hostIP);
    assert.ok(!host.join("\n").includes("Kubernetes-managed hosts file.\n127"));
    assert.ok(Number(host.at(-1)) > 10, "the machine's processes");
    assert.deepEqual(mounted, []);
  });

  test("Container Runtime, TerminationMessage, from log output of succeeding container; Container Runtime, TerminationMessage, from file of succeeding container; Container Runtime, TerminationMessage, from container's log output of failing container; Container Runtime, TerminationMessagePath, non-root user and non-default path", async () => {
    const space = await namespace("messages");
    const fallback = { terminationMessagePolicy: "FallbackToLogsOnError" };
    const of = async (name: string, script: string, more: Spec = {}) => {
      await space.create(pod(name, { restartPolicy: "Never", containers: [shell(script, more)] }));
      return container(await space.ended(name)).state.terminated?.message ?? "";
    };
    assert.deepEqual(
      await Promise.all([
        of("quiet", "echo DONE", fallback),
        of("file", "printf OK > /dev/termination-log; echo DONE", fallback),
        of("fails", "echo DONE; exit 1", fallback),
        of("elsewhere", "printf DONE > /dev/termination-custom-log", {
          terminationMessagePath: "/dev/termination-custom-log",
          securityContext: { runAsUser: 1000 },
        }),
      ]),
      ["", "OK", "DONE\n", "DONE"],
    );
  });

  test("Pod Lifecycle, post start exec hook; Pod Lifecycle, post start http hook; Pod Lifecycle, prestop exec hook; Pod Lifecycle, prestop http hook; Pods, prestop hook", async () => {
    const space = await namespace("hooks");
    const script =
      "const s = require('http').createServer((q, r) => { console.log(q.url); r.end(); }); s.listen(9090)";
    await space.create(
      serverPod("listener", { tcp: [9090], container: { command: ["/node", "-e", script] } }),
    );
    const listener = (await space.ready("listener")).status.podIP;
    const told = (path: string) => ({ httpGet: { host: listener, port: 9090, path } });
    const run9090 = (path: string) => ({
      exec: { command: ["sh", "-c", `timeout 5 wget -qO- http://${listener}:9090${path}`] },
    });
    const hooked = (name: string, lifecycle: Spec) =>
      pod(name, { terminationGracePeriodSeconds: 10, containers: [shell(untilTerminated, { lifecycle })] });
    await space.create(
      hooked("exec", { postStart: run9090("/exec-start"), preStop: run9090("/exec-stop") }),
      hooked("http", { postStart: told("/http-start"), preStop: told("/http-stop") }),
      hooked("fails", { postStart: { exec: { command: ["false"] } } }),
    );
    await Promise.all([space.ready("exec"), space.ready("http")]);
    await Promise.all(["exec", "http"].map((name) => space.delete("Pod", name)));
    await Promise.all(["exec", "http"].map((name) => space.gone(name, 20_000)));
    const heard = (await space.logs("listener"))
      .split("\n")
      .sort()
      .filter((line) => line !== "");
    assert.deepEqual(heard, ["/exec-start", "/exec-stop", "/http-start", "/http-stop"]);
    await eventually(
      "an event of the failed hook",
      () => space.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}"),
      (reasons) => reasons.includes("FailedPostStartHook"),
    );
  });

  test("Pod liveness probe, using local file, restart; Pod liveness probe, using http endpoint, restart; Pod liveness probe, using local file, no restart; Pod liveness probe, using tcp socket, no restart; Pod liveness probe, using http endpoint, failure; Pod readiness probe, failure; Pod readiness probe, with initial delay", async () => {
    const space = await namespace("probes");
    const often = { periodSeconds: 1, failureThreshold: 1 };
    const file = { exec: { command: ["cat", "/tmp/health"] } };
    const probed = (name: string, script: string, probe: Spec) =>
      pod(name, { containers: [shell(script, { ...probe })] });
    const health = "touch /tmp/health;";
    const page = { httpGet: { path: "/health", port: 8080 } };
    const serve = "mkdir /www; touch /www/health; httpd -p 8080 -h /www;";
    await space.create(
      probed("exec-bad", `${health} sleep 2; rm /tmp/health; ${untilTerminated}`, {
        livenessProbe: { ...file, ...often, initialDelaySeconds: 1 },
      }),
      probed("exec-good", `${health} ${untilTerminated}`, {
        livenessProbe: { ...file, ...often, initialDelaySeconds: 1 },
      }),
      probed("http-bad", `${serve} sleep 2; rm /www/health; ${untilTerminated}`, {
        livenessProbe: { ...page, ...often, initialDelaySeconds: 1 },
      }),
      probed("http-good", `${serve} ${untilTerminated}`, {
        livenessProbe: { ...page, ...often, initialDelaySeconds: 1 },
      }),
      probed("tcp-good", `${serve} ${untilTerminated}`, {
        livenessProbe: { tcpSocket: { port: 8080 }, ...often, initialDelaySeconds: 1 },
      }),
      probed("never-ready", untilTerminated, { readinessProbe: { exec: { command: ["false"] }, ...often } }),
      probed("ready-late", untilTerminated, {
        readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1, initialDelaySeconds: 5 },
      }),
      probed("slow-start", `sleep 3; ${health} ${untilTerminated}`, {
        startupProbe: { ...file, periodSeconds: 1, failureThreshold: 20 },
        livenessProbe: { ...file, ...often },
      }),
    );
    const late = await space.ready("ready-late");
    const startedMs = Date.parse(container(late).state.running?.startedAt ?? "");
    const readyAt = late.status.conditions.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "";
    assert.ok(Date.parse(readyAt) - startedMs >= 4000, "not before the delay");
    for (const name of ["exec-bad", "http-bad"]) {
      const restarted = await space.until(name, "restarted", (found) => restarts(found) > 0);
      assert.equal(container(restarted).lastState.terminated?.reason !== undefined, true);
    }
    await space.ready("slow-start");
    for (const name of ["exec-good", "http-good", "tcp-good", "never-ready", "ready-late", "slow-start"])
      assert.equal(restarts(await space.pod(name)), 0, name);
    const unready = await space.pod("never-ready");
    assert.equal(container(unready).ready, false);
    assert.equal(unready.status.phase, "Running");
  });

  test("Pod liveness probe, using grpc call, success; Pod liveness probe, using grpc call, failure", async () => {
    const space = await namespace("grpc");
    // The health service by hand: a response message whose field 1 says 1 (serving) or 2 (not).
    const script = `
let good = true;
setTimeout(() => { good = process.env.GOOD === "yes"; }, 3000);
const server = require("http2").createServer();
server.on("stream", (stream) => {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.resume();
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, good ? 1 : 2]));
});
server.listen(5000);`;
    for (const good of ["yes", "no"])
      await space.create(
        serverPod(`good-${good}`, {
          container: {
            command: ["/node", "-e", script],
            env: [{ name: "GOOD", value: good }],
            readinessProbe: undefined,
            livenessProbe: {
              grpc: { port: 5000 },
              initialDelaySeconds: 2,
              periodSeconds: 1,
              failureThreshold: 1,
            },
          },
        }),
      );
    await space.until("good-no", "restarted", (found) => restarts(found) > 0);
    assert.equal(restarts(await space.pod("good-yes")), 0);
  });

  test("Restart counts of a crash loop only grow, and CrashLoopBackOff shows between", async () => {
    const space = await namespace("crashes");
    await space.create(pod("crash", { containers: [shell("sleep 0.3; exit 3")] }));
    const looping = await space.until(
      "crash",
      "held back after two restarts",
      (found) =>
        restarts(found) >= 2 &&
        found.status.containerStatuses?.[0]?.state.waiting?.reason === "CrashLoopBackOff",
    );
    assert.equal(container(looping).lastState.terminated?.exitCode, 3);
    assert.equal(looping.status.phase, "Running");
    const previous = await space.kubectlWith({}, "logs", "crash", "--previous");
    assert.equal(previous.code, 0, previous.stderr);
  });

  test("init-container-starts-app-restartalways-pod; init-container-starts-app-restartnever-pod; init-container-fails-stops-app-restartnever-pod; init-container-fails-stops-app-restartalways-pod; sidecars run beside and stop last", async () => {
    const space = await namespace("inits");
    const init = (name: string, script: string, more: Spec = {}) => shell(script, { name, ...more });
    const share = { volumeMounts: [{ name: "share", mountPath: "/share" }] };
    const volumes = [{ name: "share", emptyDir: {} }];
    await space.create(
      pod("always", {
        initContainers: [init("one", "true"), init("two", "true")],
        containers: [shell(untilTerminated)],
      }),
      pod("never", {
        restartPolicy: "Never",
        initContainers: [init("one", "true"), init("two", "true")],
        containers: [shell("true")],
      }),
      pod("fails-never", {
        restartPolicy: "Never",
        initContainers: [init("one", "true"), init("two", "false")],
        containers: [shell("true")],
      }),
      pod("fails-always", {
        initContainers: [init("one", "false"), init("two", "true")],
        containers: [shell("true")],
      }),
      pod("sidecar", {
        restartPolicy: "Never",
        volumes,
        initContainers: [
          init("beside", `echo beside > /share/log; ${untilTerminated}`, {
            ...share,
            restartPolicy: "Always",
          }),
          init("after", "until cat /share/log; do sleep 0.1; done", share),
        ],
        containers: [shell("cat /share/log", share)],
      }),
    );
    const always = await space.ready("always");
    assert.equal(container(always, "two").state.terminated?.reason, "Completed");
    assert.equal(always.status.conditions.find(({ type }) => type === "Initialized")?.status, "True");
    assert.equal((await space.ended("never")).status.phase, "Succeeded");
    const failed = await space.ended("fails-never");
    assert.equal(failed.status.phase, "Failed");
    assert.equal(container(failed, "two").state.terminated?.exitCode, 1);
    assert.equal(container(failed).state.waiting?.reason, "PodInitializing");
    const waiting = await space.until(
      "fails-always",
      "init container restarted",
      (found) => (found.status.initContainerStatuses?.[0]?.restartCount ?? 0) >= 2,
    );
    assert.equal(waiting.status.phase, "Pending");
    assert.equal(container(waiting, "two").state.waiting?.reason, "PodInitializing");
    assert.equal((await space.ended("sidecar")).status.phase, "Succeeded");
    assert.equal(await space.logs("sidecar", "container=main"), "beside\n");
  });

  test("Container Runtime, Restart Policy, Pod Phases; Kubelet, failed pod, terminated reason; Kubelet, failed pod, delete", async () => {
    const space = await namespace("policies");
    // Fails at first, ends well at the third time.
    const script =
      "n=$(cat /share/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /share/n; test $n -ge 3 || exit 1";
    const more = { volumeMounts: [{ name: "share", mountPath: "/share" }] };
    const volumes = [{ name: "share", emptyDir: {} }];
    await space.create(
      pod("on-failure", { restartPolicy: "OnFailure", volumes, containers: [shell(script, more)] }),
      pod("never", { restartPolicy: "Never", volumes, containers: [shell(script, more)] }),
      pod("always-fails", { containers: [shell("false")] }),
    );
    const never = await space.ended("never");
    assert.equal(never.status.phase, "Failed");
    assert.equal(restarts(never), 0);
    assert.deepEqual(
      [container(never).state.terminated?.exitCode, container(never).state.terminated?.reason],
      [1, "Error"],
    );
    await space.until("always-fails", "terminated once", (found) => {
      const status = found.status.containerStatuses?.[0];
      return (status?.state.terminated ?? status?.lastState.terminated)?.reason === "Error";
    });
    await space.delete("Pod", "always-fails");
    await space.gone("always-fails", 20_000);
    const onFailure = await space.ended("on-failure");
    assert.equal(onFailure.status.phase, "Succeeded");
    assert.equal(restarts(onFailure), 2);
  });

  test("Limits are the kernel's: OOMKilled, cpu and memory in the control group, and Pods, QOS", async () => {
    const space = await namespace("limits");
    const resources = { limits: { cpu: "500m", memory: "64Mi" } };
    const eater = "exec dd if=/dev/zero of=/dev/null bs=200M count=1";
    const limits =
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max";
    await space.create(
      pod("eats", { restartPolicy: "Never", containers: [shell(eater, { resources })] }),
      pod("burstable", {
        containers: [shell(untilTerminated, { resources: { requests: { cpu: "10m" } } })],
      }),
      pod("best-effort", { containers: [shell(untilTerminated)] }),
    );
    const lines = await space.lines("guaranteed", { containers: [shell(limits, { resources })] });
    assert.match(lines.join(" "), /^67108864 50000/);
    const eaten = container(await space.ended("eats")).state.terminated;
    assert.deepEqual([eaten?.reason, eaten?.exitCode], ["OOMKilled", 137]);
    const classes = await Promise.all(
      ["guaranteed", "burstable", "best-effort"].map((name) => space.pod(name)),
    );
    assert.deepEqual(
      classes.map(({ status }) => status.qosClass),
      ["Guaranteed", "Burstable", "BestEffort"],
    );
  });

  test("Pods, lifecycle; Pods, ActiveDeadlineSeconds; Pods, update; Pods Generation, updates; Pods Generation, graceful delete", async () => {
    const space = await namespace("lifecycle");
    await space.create(
      pod("one", {
        activeDeadlineSeconds: 30,
        terminationGracePeriodSeconds: 30,
        containers: [shell(untilTerminated)],
      }),
      pod("deadline", { containers: [shell(untilTerminated)] }),
    );
    const first = await space.ready("one");
    assert.equal(first.metadata.generation, 1);
    assert.equal(first.status.observedGeneration, 1);
    await space.patch("Pod", "one", { metadata: { labels: { time: "value" } } });
    await space.patch("Pod", "one", { spec: { activeDeadlineSeconds: 20 } });
    const second = await space.until("one", "observed", ({ status }) => status.observedGeneration === 2);
    assert.equal(second.metadata.generation, 2);
    await space.ready("deadline");
    await space.patch("Pod", "deadline", { spec: { activeDeadlineSeconds: 1 } });
    const late = await space.ended("deadline");
    assert.deepEqual([late.status.phase, late.status.reason], ["Failed", "DeadlineExceeded"]);
    await space.delete("Pod", "one", { gracePeriodSeconds: 30 });
    const going = await api.send<PodJson>("GET", space.path("Pod", "one"));
    if (going.status === 200) {
      assert.ok(going.body.metadata.deletionTimestamp);
      assert.equal(going.body.metadata.generation, 3);
    }
    await space.gone("one", 30_000);
  });

  test("Ephemeral Container Creation; Ephemeral Container, update ephemeral containers", async () => {
    const space = await namespace("ephemeral");
    await space.create(pod("target", { containers: [shell(untilTerminated)] }));
    await space.ready("target");
    const one = {
      name: "debugger",
      image: busybox,
      command: ["sh", "-c", "echo polo; ps; sleep 100"],
      targetContainerName: "main",
    };
    await space.patch("Pod", "target", { spec: { ephemeralContainers: [one] } }, "/ephemeralcontainers");
    await space.until(
      "target",
      "the debugger runs",
      (found) => found.status.ephemeralContainerStatuses?.[0]?.state.running !== undefined,
    );
    await eventually(
      "its output",
      () => space.logs("target", "container=debugger"),
      (text) => text.includes("polo") && text.includes("trap"),
      10_000,
    );
    const two = { name: "second", image: busybox, command: ["sleep", "100"] };
    await space.patch("Pod", "target", { spec: { ephemeralContainers: [two] } }, "/ephemeralcontainers");
    await space.until(
      "target",
      "both run",
      (found) =>
        (found.status.ephemeralContainerStatuses ?? []).filter(({ state }) => state.running).length === 2,
    );
  });

  test("Logs: tail, limit, since, timestamps, following to the end", async () => {
    const space = await namespace("logs");
    await space.create(
      pod("writer", {
        restartPolicy: "Never",
        containers: [shell("echo one; echo two >&2; sleep 2; echo three")],
      }),
    );
    await space.until("writer", "runs", ({ status }) => status.phase !== "Pending");
    const followed = await space.kubectl("logs", "-f", "writer");
    assert.deepEqual(followed.trim().split("\n").sort(), ["one", "three", "two"]);
    assert.equal(await space.kubectl("logs", "writer", "--tail=1"), "three\n");
    // The runtime reads the two streams apart: either may come first.
    assert.match(await space.kubectl("logs", "writer", "--limit-bytes=2"), /^(on|tw)$/);
    assert.match(await space.kubectl("logs", "writer", "--timestamps"), /^\S+Z (one|two)\n/);
    await delay(2000);
    assert.equal(await space.kubectl("logs", "writer", "--since=1s"), "");
    assert.equal((await space.kubectl("logs", "writer", "--since=24h")).split("\n").length, 4);
  });

  test("Pods, remote command execution over websocket; Pods, logs from websockets; exec and attach over SPDY", async () => {
    const space = await namespace("streams");
    await space.create(
      pod("shell", {
        containers: [shell("echo started; while read line; do echo got $line; done", { stdin: true })],
      }),
    );
    await space.ready("shell");
    for (const websockets of ["true", "false"]) {
      const env = {
        KUBECTL_REMOTE_COMMAND_WEBSOCKETS: websockets,
        KUBECTL_PORT_FORWARD_WEBSOCKETS: websockets,
      };
      const script = "cat; echo error >&2; exit 5";
      const words = ["exec", "-i", "shell", "--", "sh", "-c", script];
      const result = await space.kubectlWith({ env, input: "in\n" }, ...words);
      assert.deepEqual([result.code, result.stdout], [5, "in\n"]);
      assert.match(result.stderr, /error/);
    }
    const command = "(echo hello; sleep 2) | kubectl attach -n streams -i shell & sleep 4; kill $!";
    const attached = await run("sh", ["-c", command], { env: { KUBECONFIG: cluster.kubeconfig } });
    assert.match(attached.stdout, /got hello/);
    const base = `${api.url.replace("http", "ws")}/${space.path("Pod", "shell")}`;
    const words = ["echo", "remote"].map((word) => `command=${word}`).join("&");
    const exec = await webSocket(`${base}/exec?${words}&stdout=1&stderr=1`, ["v4.channel.k8s.io"]);
    assert.ok(exec.some((frame) => frame[0] === 1 && frame.subarray(1).toString() === "remote\n"));
    const logs = await webSocket(`${base}/log?container=main`, ["binary.k8s.io"]);
    assert.match(Buffer.concat(logs).toString(), /started\n/);
  });

  test("Proxies to a pod and to the kubelet", async () => {
    const space = await namespace("proxies");
    await space.create(serverPod("server"));
    const { spec } = await space.ready("server");
    const path = `${space.path("Pod", "server:8080")}/proxy`;
    assert.equal(await api.get(`${path}/hostname`), "server");
    assert.equal((await api.send("GET", `${path}/x?code=418`)).status, 418);
    const posted = await api.must("POST", `${path}/some/path?a=b`, {});
    assert.match(String(posted), /^server POST \/some\/path\?a=b$/);
    const pods = await api.send<unknown>("GET", `api/v1/nodes/${spec.nodeName}:10250/proxy/pods`);
    assert.equal(pods.status, 200, JSON.stringify(pods.body).slice(0, 300));
    assert.equal((await api.send("GET", `api/v1/nodes/${spec.nodeName}/proxy/stats/summary`)).status, 200);
  });

  test("In-place Pod Resize, read and replace endpoints; In-place Pod Resize, burstable pod resized with equivalents: the control group follows without a restart", async () => {
    const space = await namespace("resize");
    await space.create(
      pod("grows", {
        containers: [
          shell(untilTerminated, {
            resources: { requests: { cpu: "100m", memory: "32Mi" }, limits: { cpu: "200m", memory: "64Mi" } },
          }),
        ],
      }),
    );
    await space.ready("grows");
    const more = { requests: { cpu: "150m", memory: "48Mi" }, limits: { cpu: "400m", memory: "128Mi" } };
    await space.patch(
      "Pod",
      "grows",
      { spec: { containers: [{ name: "main", resources: more }] } },
      "/resize",
    );
    const resized = await space.until("grows", "resized", (found) => {
      const actual = found.status.containerStatuses?.[0]?.resources as typeof more | undefined;
      return actual?.limits.memory === "128Mi" && actual.limits.cpu === "400m";
    });
    assert.equal(restarts(resized), 0);
    const limits = await space.exec(
      "grows",
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max",
    );
    assert.match(limits, /^134217728\s+40000/);
    const whole = await api.get<PodJson>(`${space.path("Pod", "grows")}/resize`);
    await api.must("PUT", `${space.path("Pod", "grows")}/resize`, whole);
  });

  test("Pod with the non-existing RuntimeClass is rejected. Can schedule a pod requesting existing RuntimeClass. RuntimeClass Overhead field must be respected.", async () => {
    const space = await namespace("classes");
    const asking = (name: string, runtimeClassName: string) =>
      pod(name, { restartPolicy: "Never", runtimeClassName, containers: [shell("true")] });
    const refused = await api.send("POST", space.path("Pod"), asking("none", "nonexistent"));
    assert.equal(refused.status, 403);
    await space.create(
      { kind: "RuntimeClass", metadata: { name: "plain" }, handler: "runc" },
      {
        kind: "RuntimeClass",
        metadata: { name: "heavy" },
        handler: "runc",
        overhead: { podFixed: { cpu: "10m", memory: "1Mi" } },
      },
      { kind: "RuntimeClass", metadata: { name: "unknown" }, handler: "no-such-handler" },
    );
    const ready = (name: string) =>
      eventually(
        "the class is known to admission",
        () => api.send("POST", space.path("Pod"), asking(name, name)),
        ({ status }) => status === 201,
      );
    await Promise.all(["plain", "heavy", "unknown"].map(ready));
    assert.equal((await space.ended("plain")).status.phase, "Succeeded");
    assert.deepEqual((await space.ended("heavy")).spec.overhead, { cpu: "10m", memory: "1Mi" });
    await eventually(
      "the refusal of the handler",
      () => space.kubectl("get", "events", "-o", "jsonpath={.items[*].message}"),
      (text) => text.includes("no-such-handler"),
    );
    assert.equal((await space.pod("unknown")).status.phase, "Pending");
  });

  test("A pod asks the API with its own token, and is who it is", async () => {
    const space = await namespace("token");
    const script = `
const dir = "/var/run/secrets/kubernetes.io/serviceaccount";
const { readFileSync } = require("fs");
const namespace = readFileSync(dir + "/namespace", "utf8");
require("https").get("https://kubernetes.default.svc/api/v1/namespaces/" + namespace + "/pods", {
  ca: readFileSync(dir + "/ca.crt"), headers: { authorization: "Bearer " + readFileSync(dir + "/token", "utf8") },
}, (response) => { console.log(response.statusCode); response.on("data", (text) => console.log(String(text).slice(0, 400))); });`;
    await space.create(
      serverPod("asks", {
        container: { command: ["/node", "-e", script], readinessProbe: undefined },
        spec: { restartPolicy: "Never" },
      }),
    );
    assert.equal((await space.ended("asks")).status.phase, "Succeeded");
    assert.match(await space.logs("asks"), /^403\n.*system:serviceaccount:token:default/s);
  });

  describe("Images from registries", () => {
    let open: Registry;
    let closed: Registry;
    before(async () => {
      const image = await busyboxImage();
      const login = { username: "user", password: "secret" };
      [open, closed] = await Promise.all([
        serveRegistry({ images: [image] }),
        serveRegistry({ images: [image], login }),
      ]);
      // The registries listen on the loopback address, which only the first node shares.
      const directory = join(cluster.directory, "nodes/node-1/containerd/certs.d");
      await mkdir(directory, { recursive: true });
      await mirrorRegistry(directory, { host: "open.test", url: open.url });
      // Under its own name: containerd sends credentials only to the host that they are for, not to its mirror.
      await mirrorRegistry(directory, closed);
    });
    after(async () => {
      await open?.close();
      await closed?.close();
    });

    test("an image is pulled, a missing one says so, a private one needs its secret, policies hold", async () => {
      const space = await namespace("images");
      const of = (name: string, image: string, more: Spec = {}, containerMore: Spec = {}) =>
        pod(name, {
          restartPolicy: "Never",
          nodeName: "node-1",
          ...more,
          containers: [{ name: "main", image, command: ["true"], ...containerMore }],
        });
      const auth = Buffer.from("user:secret").toString("base64");
      await space.create({
        kind: "Secret",
        metadata: { name: "login" },
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": JSON.stringify({ auths: { [closed.host]: { auth } } }) },
      });
      await space.create(
        of("pulled", "open.test/busybox:1", {}, { imagePullPolicy: "Always" }),
        of("missing", "open.test/missing:1"),
        of("invalid", "INVALID/image"),
        of("stranger", `${closed.host}/busybox:1`),
        of("absent", "open.test/busybox:1-absent", {}, { imagePullPolicy: "Never" }),
      );
      const reason = (name: string, wanted: readonly string[]) =>
        space.until(
          name,
          wanted.join(" or "),
          (found) => wanted.includes(found.status.containerStatuses?.[0]?.state.waiting?.reason ?? ""),
          30_000,
        );
      const pulled = await space.ended("pulled");
      assert.equal(pulled.status.phase, "Succeeded");
      await reason("missing", ["ErrImagePull", "ImagePullBackOff"]);
      await reason("stranger", ["ErrImagePull", "ImagePullBackOff"]);
      await space.create(of("member", `${closed.host}/busybox:1`, { imagePullSecrets: [{ name: "login" }] }));
      assert.equal((await space.ended("member")).status.phase, "Succeeded");
      await reason("invalid", ["InvalidImageName"]);
      await reason("absent", ["ErrImageNeverPull"]);
    });
  });
});

/** Every binary frame until the other side closes. */
function webSocket(url: string, protocols: string[]): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const frames: Buffer[] = [];
    const socket = new WebSocket(url, protocols);
    socket.on("message", (data: Buffer) => frames.push(data));
    socket.once("close", () => resolve(frames));
    socket.once("error", reject);
  });
}
