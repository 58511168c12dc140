import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { busyboxImage } from "../examples/images/busybox.ts";
import { mirrorRegistry, type Registry, serveRegistry } from "../src/kubelet/images/registry.ts";
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

interface NodeJson {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: unknown };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

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
    assert.equal(host.at(-2), "node-2", "a node of a shared machine has a name of its own");
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
        of("fails", "echo -n DONE; false", fallback),
        of("elsewhere", "printf DONE > /dev/termination-custom-log", {
          terminationMessagePath: "/dev/termination-custom-log",
          securityContext: { runAsUser: 1000 },
        }),
      ]),
      ["", "OK", "DONE", "DONE"],
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
    const attached = cluster.kubectlInBackground("attach", "-n", "streams", "-i", "shell");
    attached.write("hello\n");
    await eventually(
      "an answer over attach",
      async () => attached.output(),
      (output) => output.includes("got hello"),
    );
    await attached.stop();
    const base = `${api.url.replace("http", "ws")}/${space.path("Pod", "shell")}`;
    const words = ["echo", "remote"].map((word) => `command=${word}`).join("&");
    const exec = await webSocket(`${base}/exec?${words}&stdout=1&stderr=1`, ["v4.channel.k8s.io"]);
    assert.ok(exec.some((frame) => frame[0] === 1 && frame.subarray(1).toString() === "remote\n"));
    const logs = await webSocket(`${base}/log?container=main`, ["binary.k8s.io"]);
    assert.match(Buffer.concat(logs).toString(), /started\n/);
  });

  test("Conformance tests minimum number of nodes.", async () => {
    const found = await api.get<{ items: NodeJson[] }>(
      "api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse",
    );
    const free = found.items.filter(({ spec, status }) => {
      const is = (type: string) => status.conditions.find((condition) => condition.type === type)?.status;
      return is("Ready") === "True" && is("NetworkUnavailable") !== "True" && spec.taints === undefined;
    });
    assert.deepEqual(
      free.map((node) => node.metadata.name),
      ["node-1", "node-2"],
      JSON.stringify(found),
    );
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
        space.until(name, wanted.join(" or "), (found) =>
          wanted.includes(found.status.containerStatuses?.[0]?.state.waiting?.reason ?? ""),
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

    test("Image Volume: pulled always, read by two containers, read-only, and gone with the pod", async () => {
      const space = await namespace("image-volume");
      const volumeMounts = [
        { name: "v", mountPath: "/volume" },
        { name: "v", mountPath: "/applets", subPath: "bin" },
      ];
      const script = `cat /volume/etc/passwd; ls /applets/busybox; touch /volume/new 2>&1; ${untilTerminated}`;
      await space.create(
        pod("pod", {
          nodeName: "node-1",
          volumes: [{ name: "v", image: { reference: "open.test/busybox:1", pullPolicy: "Always" } }],
          containers: [
            shell(script, { volumeMounts }),
            shell(untilTerminated, { name: "second", volumeMounts: [{ name: "v", mountPath: "/other" }] }),
          ],
        }),
      );
      await space.ready("pod");
      assert.match(
        await space.exec(
          "pod",
          "cat /volume/etc/passwd; ls /applets/busybox; touch /volume/new 2>&1 || true",
        ),
        /root:.*\/applets\/busybox\n.*[Rr]ead-only file system/s,
      );
      const other = await space.kubectl("exec", "pod", "-c", "second", "--", "ls", "/other/bin/busybox");
      assert.equal(other.trim(), "/other/bin/busybox");
      const { uid } = (await space.pod("pod")).metadata;
      await space.kubectl("delete", "pod", "pod");
      await space.gone("pod");
      assert.ok(!(await readFile("/proc/mounts", "utf8")).includes(uid));
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
