import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  eventually,
  must,
  overSpdy,
  RealCluster,
  repository,
  run,
  skipReason,
} from "./test-support/cluster.ts";

interface PodJson {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly phase: string; readonly podIP: string };
}

interface ListJson<T> {
  readonly items: readonly T[];
}

const example = join(repository, "examples/web.yaml");
const toolbox = `apiVersion: v1
kind: Pod
metadata: {name: toolbox}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: sh
    image: k8ts.local/busybox:1
    command: [sh, -c, "echo started; trap 'exit 0' TERM; while true; do sleep 0.1; done"]
`;

describe("The first quarter of an hour: examples/web.yaml with kubectl on two real nodes", {
  skip: skipReason,
}, () => {
  let cluster: RealCluster;
  let scratch: string;
  const kubectl = (...words: string[]) => cluster.kubectl(...words);
  const webPods = async () => (await cluster.json<ListJson<PodJson>>("get", "pods", "-l", "app=web")).items;
  const inToolbox = (command: string) => kubectl("exec", "toolbox", "--", "sh", "-c", command);
  const http = (url: string) =>
    fetch(url, { signal: AbortSignal.timeout(10_000), headers: { connection: "close" } }).then(
      (response) => response.text(),
      (error: Error) => error.message,
    );

  before(async () => {
    cluster = await RealCluster.start({ nodes: 2 });
    scratch = await mkdtemp(join(tmpdir(), "k8ts-web-"));
    await kubectl("apply", "-f", example);
    const { code, stderr } = await cluster.kubectlWith({ input: toolbox }, "apply", "-f", "-");
    assert.equal(code, 0, stderr);
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(scratch, { recursive: true, force: true });
  });

  test("rollout status and wait see the pods become ready, on both nodes", async () => {
    assert.match(
      await kubectl("rollout", "status", "deployment/web", "--timeout=4m"),
      /successfully rolled out/,
    );
    await kubectl("wait", "--for=condition=Ready", "pod/toolbox", "--timeout=4m");
    const pods = await webPods();
    assert.equal(pods.length, 3);
    assert.deepEqual([...new Set(pods.map(({ spec }) => spec.nodeName))].sort(), ["node-1", "node-2"]);
  });

  test("the service is reached by its name from another pod, and by its node port from the host", async () => {
    // A pod that is ready is known to the proxies of all nodes a moment later.
    const says = (text: string) => text.includes("Hello from k8ts");
    await eventually("the service's name", () => inToolbox("timeout 5 wget -qO- http://web || true"), says);
    for (const address of ["10.95.0.1", "10.95.0.2"]) {
      await eventually("the node port", () => http(`http://${address}:30080`), says);
    }
    // Often enough that pods of both nodes have answered.
    for (let round = 0; round < 8; round++) {
      for (const address of ["127.0.0.1", "10.95.0.1", "10.95.0.2"]) {
        assert.match(await http(`http://${address}:30080`), /Hello from k8ts/);
      }
    }
  });

  test("get and describe print what upstream prints", async () => {
    assert.match(await kubectl("get", "pods"), /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\n/);
    assert.match(await kubectl("get", "deployment", "web"), /web\s+3\/3\s+3\s+3/);
    assert.match(await kubectl("get", "nodes", "-o", "wide"), /node-2\s+Ready.*containerd:\/\//);
    assert.match(await kubectl("describe", "pod", "-l", "app=web"), /Successfully assigned default\/web-/);
    assert.match(await kubectl("describe", "service", "web"), /Endpoints:\s+10\.244\./);
  });

  test("logs, with and without following", async () => {
    assert.equal((await kubectl("logs", "toolbox")).trim(), "started");
    const following = cluster.kubectlInBackground("logs", "-f", "deployment/web");
    await eventually(
      "a followed line",
      async () => {
        await http("http://127.0.0.1:30080/followed-log-line");
        return following.output();
      },
      (output) => output.includes("followed-log-line"),
    );
    await following.stop();
  });

  test("exec: output, input, exit codes, and a terminal", async () => {
    assert.equal((await inToolbox("echo out")).trim(), "out");
    const failed = await cluster.kubectlWith(
      {},
      "exec",
      "toolbox",
      "--",
      "sh",
      "-c",
      "echo oops >&2; exit 7",
    );
    assert.equal(failed.code, 7);
    assert.match(failed.stderr, /oops/);
    const echoed = await cluster.kubectlWith({ input: "through\n" }, "exec", "-i", "toolbox", "--", "cat");
    assert.equal(echoed.stdout, "through\n");
    const command = `kubectl exec -it toolbox -- sh -c 'test -t 0 && echo has-a-terminal'`;
    const tty = await run("script", ["-qec", command, "/dev/null"], {
      env: { KUBECONFIG: cluster.kubeconfig, ...overSpdy },
    });
    assert.match(tty.stdout, /has-a-terminal/);
  });

  test("cp brings a file there and back whole", async () => {
    const bytes = randomBytes(20_000_000);
    await writeFile(join(scratch, "out"), bytes);
    await kubectl("cp", join(scratch, "out"), "toolbox:/tmp/file");
    await kubectl("cp", "toolbox:/tmp/file", join(scratch, "back"));
    assert.ok(bytes.equals(await readFile(join(scratch, "back"))));
  });

  test("port-forward", async () => {
    const forward = cluster.kubectlInBackground("port-forward", "service/web", ":80");
    const output = await eventually(
      "the forwarded port",
      async () => forward.output(),
      (text) => /127\.0\.0\.1:(\d+)/.test(text),
    );
    const port = /127\.0\.0\.1:(\d+)/.exec(output)?.[1];
    assert.match(await http(`http://127.0.0.1:${port}`), /Hello from k8ts/);
    await forward.stop();
  });

  test("scale", async () => {
    await kubectl("scale", "deployment/web", "--replicas=5");
    await kubectl("rollout", "status", "deployment/web", "--timeout=4m");
    assert.equal((await webPods()).length, 5);
    await kubectl("scale", "deployment/web", "--replicas=3");
    await eventually("three pods", webPods, (pods) => pods.length === 3);
  });

  test("a rollout and its undo", async () => {
    const imageOf = () =>
      kubectl("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}");
    await kubectl("set", "env", "deployment/web", "VERSION=two");
    await kubectl("rollout", "status", "deployment/web", "--timeout=4m");
    assert.equal(await imageOf(), "two");
    await kubectl("rollout", "undo", "deployment/web");
    await kubectl("rollout", "status", "deployment/web", "--timeout=4m");
    assert.equal(await imageOf(), "");
    assert.match(await kubectl("rollout", "history", "deployment/web"), /REVISION/);
  });

  test("explain, diff and auth can-i", async () => {
    assert.match(await kubectl("explain", "deployment.spec.strategy.rollingUpdate"), /maxSurge/);
    // kubectl compares status too, in two requests: once the rollout's last pods are gone it rests.
    await eventually(
      "nothing differs",
      () => cluster.kubectlWith({}, "diff", "-f", example),
      ({ code }) => code === 0,
    );
    const text = (await readFile(example, "utf8")).replace("replicas: 3", "replicas: 4");
    const differs = await cluster.kubectlWith({ input: text }, "diff", "-f", "-");
    assert.equal(differs.code, 1);
    assert.match(differs.stdout, /\+ {2}replicas: 4/);
    assert.equal((await kubectl("auth", "can-i", "delete", "pods")).trim(), "yes");
    const stranger = await cluster.kubectlWith({}, "auth", "can-i", "delete", "pods", "--as", "nobody");
    assert.equal(stranger.stdout.trim(), "no");
  });

  test("a changed config map reaches the running pods", async () => {
    await kubectl("patch", "configmap", "web", "-p", '{"data":{"index.html":"changed page"}}');
    await eventually(
      "the changed page",
      () => http("http://127.0.0.1:30080"),
      (text) => text.includes("changed page"),
    );
  });

  test("drain moves the pods, uncordon takes the node back", async () => {
    await kubectl(
      "drain",
      "node-2",
      "--ignore-daemonsets",
      "--force",
      "--delete-emptydir-data",
      "--timeout=4m",
    );
    await kubectl("rollout", "status", "deployment/web", "--timeout=4m");
    const running = await eventually(
      "three pods on node-1",
      webPods,
      (pods) => pods.length === 3 && pods.every(({ spec }) => spec.nodeName === "node-1"),
    );
    assert.equal(running.length, 3);
    await kubectl("uncordon", "node-2");
  });

  test("deleting a namespace leaves nothing, in the API and on the host", async () => {
    await kubectl("create", "namespace", "gone");
    const text = (await readFile(example, "utf8")).replace("nodePort: 30080", "nodePort: 30081");
    const applied = await cluster.kubectlWith({ input: text }, "apply", "-n", "gone", "-f", "-");
    assert.equal(applied.code, 0, applied.stderr);
    await kubectl("rollout", "status", "-n", "gone", "deployment/web", "--timeout=4m");
    const { items } = await cluster.json<ListJson<PodJson>>("get", "pods", "-n", "gone");
    await kubectl("delete", "namespace", "gone", "--timeout=4m");
    assert.equal((await cluster.kubectlWith({}, "get", "all", "-n", "gone")).stdout, "");
    const left = async () =>
      (await leftOnHost(cluster.directory)).filter((path) =>
        items.some(({ metadata }) => path.includes(metadata.uid)),
      );
    await eventually("an empty host", left, (paths) => paths.length === 0);
    await eventually(
      "no rules",
      () => must("nft", ["list", "table", "ip", "kube-proxy"]),
      (rules) => !rules.includes("gone"),
    );
  });
});

/** Folders of pods, their logs, mounts and control groups. */
async function leftOnHost(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const node of ["node-1", "node-2"]) {
    for (const folder of ["kubelet/pods", "logs"]) {
      found.push(...(await readdir(join(directory, "nodes", node, folder)).catch(() => [])));
    }
  }
  found.push(...(await readFile("/proc/self/mountinfo", "utf8")).split("\n"));
  // It complains of folders that go while it looks.
  found.push(...(await run("find", ["/sys/fs/cgroup", "-type", "d", "-name", "pod*"])).stdout.split("\n"));
  return found;
}
