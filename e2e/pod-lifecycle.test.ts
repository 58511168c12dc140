import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
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

const both = (cpu: string, memory: string): Amounts => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});

/** The same amounts and steps as upstream's tests of the same name. */
const resizes: readonly {
  readonly title: string;
  readonly before: Readonly<Record<string, Amounts>>;
  readonly after: Readonly<Record<string, Amounts>>;
  /** And back again. */
  readonly rollsBack?: boolean;
}[] = [
  {
    title: "In-place Pod Resize, guaranteed pods with multiple containers, net increase",
    before: { c1: both("20m", "35Mi"), c2: both("22m", "37Mi"), c3: both("24m", "39Mi") },
    after: { c1: both("25m", "40Mi"), c2: both("27m", "42Mi"), c3: both("19m", "34Mi") },
  },
  {
    title: "In-place Pod Resize, guaranteed pods with multiple containers, net decrease",
    before: { c1: both("20m", "35Mi"), c2: both("22m", "37Mi"), c3: both("24m", "39Mi") },
    after: { c1: both("25m", "40Mi"), c2: both("17m", "32Mi"), c3: both("19m", "34Mi") },
  },
  {
    title: "In-place Pod Resize, guaranteed pods with multiple containers, various operations",
    before: { c1: both("20m", "35Mi"), c2: both("22m", "37Mi"), c3: both("24m", "39Mi") },
    after: { c1: both("25m", "35Mi"), c2: both("17m", "42Mi"), c3: both("29m", "44Mi") },
  },
  {
    title: "In-place Pod Resize, burtable pod with multiple containers and various operations",
    before: {
      c1: { requests: { cpu: "20m" } },
      c2: { requests: { memory: "35Mi" } },
      c3: { requests: { cpu: "20m", memory: "35Mi" } },
      c4: { requests: { cpu: "20m" } },
      c5: { requests: { memory: "35Mi" } },
    },
    after: {
      c1: { requests: { cpu: "25m" }, limits: { cpu: "35m" } },
      c2: { requests: { memory: "30Mi" }, limits: { memory: "50Mi" } },
      c3: { requests: { cpu: "20m", memory: "30Mi" } },
      c4: { requests: { cpu: "15m", memory: "35Mi" } },
      c5: { requests: { cpu: "20m", memory: "40Mi" } },
    },
    rollsBack: false,
  },
  {
    title: "In-place Pod Resize, burstable pod resized with equivalents",
    before: { c1: { requests: { cpu: "2m" }, limits: { cpu: "10m" } } },
    after: { c1: { requests: { cpu: "1m" }, limits: { cpu: "5m" } } },
  },
];

describe("Lives of pods on a real node", { skip: skipReason, concurrency: 6 }, () => {
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
    await Promise.all(["exec", "http"].map((name) => space.gone(name)));
    // The runtime writes a log a moment after the container has.
    const heard = await eventually(
      "each hook was heard",
      async () => (await space.logs("listener")).split("\n").slice(0, -1).sort(),
      ({ length }) => length >= 4,
    );
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
    // What is well may be slow to say so, on a machine that is busy.
    const patient = { periodSeconds: 1, failureThreshold: 10, timeoutSeconds: 10 };
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
        livenessProbe: { ...file, ...patient, initialDelaySeconds: 1 },
      }),
      probed("http-bad", `${serve} sleep 2; rm /www/health; ${untilTerminated}`, {
        livenessProbe: { ...page, ...often, initialDelaySeconds: 1 },
      }),
      probed("http-good", `${serve} ${untilTerminated}`, {
        livenessProbe: { ...page, ...patient, initialDelaySeconds: 1 },
      }),
      probed("tcp-good", `${serve} ${untilTerminated}`, {
        livenessProbe: { tcpSocket: { port: 8080 }, ...patient, initialDelaySeconds: 1 },
      }),
      probed("never-ready", untilTerminated, { readinessProbe: { exec: { command: ["false"] }, ...often } }),
      probed("ready-late", untilTerminated, {
        readinessProbe: { exec: { command: ["true"] }, periodSeconds: 1, initialDelaySeconds: 5 },
      }),
      probed("slow-start", `sleep 3; ${health} ${untilTerminated}`, {
        startupProbe: { ...file, ...patient, failureThreshold: 60 },
        livenessProbe: { ...file, ...patient, failureThreshold: 1 },
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
              timeoutSeconds: 10,
              failureThreshold: 10,
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
    await space.gone("always-fails");
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
    await space.gone("one");
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
    // Its status may have gone on since.
    const { resourceVersion: _, ...metadata } = whole.metadata;
    await api.must("PUT", `${space.path("Pod", "grows")}/resize`, { ...whole, metadata });
  });

  for (const { title, before: original, after: wanted, rollsBack = true } of resizes) {
    test(`${title}: spec, status and control groups agree, and nothing restarts`, async () => {
      const space = await namespace(`resize-${resizes.findIndex((entry) => entry.title === title)}`);
      const spec = {
        os: { name: "linux" },
        restartPolicy: "OnFailure",
        terminationGracePeriodSeconds: 0,
        containers: Object.entries(original).map(([name, amounts]) => ({
          name,
          image: busybox,
          command: ["/bin/sh"],
          args: ["-c", "grep Cpus_allowed_list /proc/self/status | cut -f2 && sleep 1d"],
          resources: resourcesOf(amounts),
        })),
      };
      await space.create(pod("pod", spec));
      await space.ready("pod");
      await expectResources(space, original);
      for (const amounts of rollsBack ? [wanted, original] : [wanted]) {
        const containers = Object.entries(amounts).map(([name, its]) => ({
          name,
          resources: resourcesOf(its),
        }));
        await space.patch("Pod", "pod", { spec: { containers } }, "/resize");
        await expectResources(space, amounts);
      }
    });
  }
});

/** Requests and limits of one container, as "cpu", "memory"; absent: not set. */
interface Amounts {
  readonly requests?: Readonly<Record<string, string>>;
  readonly limits?: Readonly<Record<string, string>>;
}

function resourcesOf({ requests, limits }: Amounts) {
  return { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) };
}

/** The status tells exactly these, no resize is under way, and the kernel has them. */
async function expectResources(space: Namespace, wanted: Readonly<Record<string, Amounts>>): Promise<void> {
  const names = Object.keys(wanted);
  await space.until("pod", `resized to ${JSON.stringify(wanted)}`, ({ status }) => {
    const { containerStatuses = [], conditions } = status;
    const isOpen = conditions.some(({ type }) => type.startsWith("PodResize"));
    const isReady = conditions.some(({ type, status: is }) => type === "Ready" && is === "True");
    const told = Object.fromEntries(containerStatuses.map(({ name, resources }) => [name, resources]));
    return !isOpen && isReady && isDeepStrictEqual(told, Object.fromEntries(names.map(toResources)));
  });
  function toResources(name: string) {
    return [name, resourcesOf(wanted[name] ?? {})] as const;
  }
  const { status } = await space.pod("pod");
  assert.ok(status.containerStatuses?.every(({ restartCount }) => restartCount === 0));
  const files =
    "memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares memory.max cpu.max cpu.weight";
  const script = `cd /sys/fs/cgroup; for f in ${files}; do [ -e $f ] && head -n 1 $f; done; true`;
  await Promise.all(
    names.map(async (name) => {
      const { requests = {}, limits = {} } = wanted[name] ?? {};
      const text = await space.kubectl("exec", "pod", "-c", name, "--", "sh", "-c", script);
      const [memory, quota, share] = text.trim().split("\n");
      const milli = (amount = "0m") => Number.parseInt(amount, 10);
      const shares = Math.max(2, Math.floor((milli(requests.cpu) * 1024) / 1000));
      const weight = 1 + Math.floor(((shares - 2) * 9999) / 262_142);
      if (limits.memory !== undefined)
        assert.equal(memory, String(Number.parseInt(limits.memory, 10) * 2 ** 20), name);
      // A quota has no less than a millisecond of a tenth of a second.
      const cpu = limits.cpu === undefined ? undefined : Math.max(1000, milli(limits.cpu) * 100);
      assert.ok([cpu === undefined ? "-1" : `${cpu}`, `${cpu ?? "max"} 100000`].includes(quota ?? ""), text);
      assert.ok([`${shares}`, `${weight}`].includes(share ?? ""), text);
    }),
  );
}
