import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, type Output, RealCluster, skipReason } from "./test-support/cluster.ts";
import { busybox } from "./test-support/namespace.ts";

const nginx = busybox.replace("busybox", "nginx");

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly deletionTimestamp?: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly spec: {
      readonly nodeName: string;
      readonly restartPolicy: string;
      readonly containers: readonly { readonly image: string }[];
    };
    readonly status: {
      readonly phase: string;
      readonly containerStatuses?: readonly { readonly ready: boolean }[];
    };
  }[];
}

/** In a shell script: the head of a CGI program's answer, with the line ends that HTTP asks for. */
const header = (type: string) => `printf 'Content-Type: ${type}\\r\\n\\r\\n'`;

/** A shell script served by busybox's own HTTP server: a directory with one CGI program. */
const served = (port: number, program: string, script: string) => ({
  image: busybox,
  command: [
    "sh",
    "-c",
    `mkdir -p /www/cgi-bin && printf '%s' "$PROGRAM" > /www/cgi-bin/${program} && chmod +x /www/cgi-bin/${program} && exec httpd -f -p ${port} -h /www`,
  ],
  env: [{ name: "PROGRAM", value: `#!/bin/sh\n${script}\n` }],
  ports: [{ containerPort: port }],
  readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
});

/** One JSON document after the other, as kubectl reads them. */
const documents = (...objects: readonly object[]) =>
  objects.map((object) => JSON.stringify(object)).join("\n");

/** The suite's behaviours of kubectl, with the kubectl of this machine on real containers. */
describe("kubectl", { skip: skipReason, concurrency: 4 }, () => {
  let cluster: RealCluster;
  before(async () => {
    cluster = await RealCluster.start({ nodes: 1 });
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  /** kubectl in a namespace of its own, made before it is used. */
  async function inNamespace(name: string) {
    await cluster.kubectl("create", "namespace", name);
    await eventually(
      `the service account of ${name}`,
      () => cluster.kubectlWith({}, "-n", name, "get", "serviceaccount", "default"),
      ({ code }) => code === 0,
    );
    const run = (...words: string[]) => cluster.kubectl("-n", name, ...words);
    const tried = (...words: string[]) => cluster.kubectlWith({}, "-n", name, ...words);
    const input = async (text: string, ...words: string[]): Promise<Output> => {
      const output = await cluster.kubectlWith({ input: text }, "-n", name, ...words);
      assert.equal(output.code, 0, output.stderr);
      return output;
    };
    const pods = async (selector: string) =>
      (JSON.parse(await run("get", "pods", "-l", selector, "-o", "json")) as PodList).items;
    const running = (selector: string, count: number) =>
      eventually(
        `${count} pods of ${selector} are ready in ${name}`,
        async () => (await pods(selector)).filter(({ metadata }) => metadata.deletionTimestamp === undefined),
        (items) =>
          items.length === count &&
          items.every(({ status }) => status.containerStatuses?.every(({ ready }) => ready) === true),
      );
    /** As the suite ends its tests: by force, and nothing of it may be left. */
    const cleanUp = async (text: string, ...selectors: string[]) => {
      await input(text, "delete", "--grace-period=0", "--force", "-f", "-");
      for (const selector of selectors)
        await eventually(
          `nothing of ${selector} is left`,
          async () => [
            await run("get", "rc,svc", "-l", selector, "--no-headers"),
            await run(
              "get",
              "pods",
              "-l",
              selector,
              "-o",
              "go-template={{ range .items }}{{ if not .metadata.deletionTimestamp }}{{ .metadata.name }}{{ end }}{{ end }}",
            ),
          ],
          (left) => left.join("").trim() === "",
        );
    };
    return { run, tried, input, pods, running, cleanUp };
  }

  const controller = (name: string, labels: object, replicas: number, container: object) => ({
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, labels },
    spec: {
      replicas,
      selector: labels,
      template: { metadata: { labels }, spec: { containers: [{ name, ...container }] } },
    },
  });
  const demo = documents(
    controller(
      "update-demo",
      { name: "update-demo", version: "nautilus" },
      2,
      served(80, "data.json", `${header("application/json")}; echo '{"image": "nautilus.jpg"}'`),
    ),
  );
  const demoSelector = "name=update-demo";

  for (const { title, name, steps } of [
    {
      title: "Kubectl, replication controller: made, asked through the server, and stopped",
      name: "demo",
      steps: [],
    },
    {
      title: "Kubectl, scale replication controller: down and up",
      name: "demo-scale",
      steps: [1, 2],
    },
  ])
    test(title, async () => {
      const { run, input, running, cleanUp } = await inNamespace(name);
      const validate = async (count: number) => {
        const pods = await running(demoSelector, count);
        const names = await run(
          "get",
          "pods",
          "-o",
          "template",
          "--template={{range .items}}{{if not .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}",
          "-l",
          demoSelector,
        );
        assert.equal(names.trim().split(" ").length, count);
        for (const { metadata, spec } of pods) {
          assert.equal(spec.containers[0]?.image, busybox);
          const path = `/api/v1/namespaces/${name}/pods/${metadata.name}/proxy/cgi-bin/data.json`;
          const answer = await cluster.kubectl("get", "--raw", path);
          assert.deepEqual(JSON.parse(answer), { image: "nautilus.jpg" });
        }
      };
      await input(demo, "create", "-f", "-");
      await validate(2);
      for (const replicas of steps) {
        await run("scale", "rc", "update-demo", `--replicas=${replicas}`, "--timeout=5m");
        await validate(replicas);
      }
      await cleanUp(demo, demoSelector);
    });

  test("Kubectl, guestbook application: an entry goes from the front to the primary and is read from the replicas", async () => {
    const { input, running, cleanUp } = await inNamespace("guestbook");
    const tier = (name: string, labels: object, replicas: number, port: number, container: object) => [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, labels },
        spec: { ports: [{ port, targetPort: port }], selector: labels },
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name, ...container }] } },
        },
      },
    ];
    const head = header("text/plain");
    const ask = (host: string) => `wget -qO- "http://${host}:6379/cgi-bin/data?$QUERY_STRING"`;
    const store = `${head}; case "$QUERY_STRING" in set=*) echo "\${QUERY_STRING#set=}" > /tmp/entry; echo Updated;; *) cat /tmp/entry 2>/dev/null;; esac`;
    const front = `${head}; case "$QUERY_STRING" in set=*) ${ask("primary")};; *) ${ask("replica")};; esac`;
    const app = documents(
      ...tier(
        "replica",
        { app: "guestbook", role: "replica" },
        2,
        6379,
        served(6379, "data", `${head}; ${ask("primary")}`),
      ),
      ...tier("primary", { app: "guestbook", role: "primary" }, 1, 6379, served(6379, "data", store)),
      ...tier("frontend", { app: "guestbook", tier: "frontend" }, 3, 80, served(80, "guestbook", front)),
    );
    await input(app, "create", "-f", "-");
    await running("app=guestbook", 6);
    const guestbook = async (query: string) =>
      (
        await cluster.kubectlWith(
          {},
          "get",
          "--raw",
          `/api/v1/namespaces/guestbook/services/frontend/proxy/cgi-bin/guestbook?${query}`,
        )
      ).stdout.trim();
    await eventually(
      "the front answers and has no entry",
      () => guestbook("get"),
      (text) => text === "",
    );
    await eventually(
      "an entry is taken",
      () => guestbook("set=TestEntry"),
      (text) => text === "Updated",
    );
    await eventually(
      "and read",
      () => guestbook("get"),
      (text) => text === "TestEntry",
    );
    await cleanUp(app);
  });

  test("Kubectl, check version v1", async () => {
    assert.ok((await cluster.kubectl("api-versions")).split("\n").includes("v1"));
  });

  test("Kubectl, cluster info", async () => {
    const told = await cluster.kubectl("cluster-info");
    assert.match(told, /Kubernetes control plane/);
    assert.match(told, /is running at/);
  });

  test("Kubectl, version", async () => {
    const told = await cluster.kubectl("version");
    assert.match(told, /Client Version: /);
    assert.match(told, /Server Version: .*v1\.36\./);
  });

  const primaryLabels = { app: "agnhost", role: "primary" };
  const primary = controller(
    "agnhost-primary",
    primaryLabels,
    1,
    served(6379, "data", `${header("text/plain")}; echo primary`),
  );

  test("Kubectl, describe pod or rc: what is asked of a pod, its controller, service, node and namespace is told", async () => {
    const name = "described";
    const { run, input, running } = await inNamespace(name);
    await input(documents(primary), "create", "-f", "-");
    await input(
      documents({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "agnhost-primary", labels: primaryLabels },
        spec: { ports: [{ port: 6379, targetPort: 6379 }], selector: primaryLabels },
      }),
      "create",
      "-f",
      "-",
    );
    const [pod] = await running("app=agnhost", 1);
    const tells = (told: string, wanted: readonly (readonly string[])[]) => {
      for (const [line = "", ...words] of wanted)
        assert.ok(
          told.split("\n").some((text) => text.includes(line) && words.every((word) => text.includes(word))),
          `${[line, ...words].join(" … ")} is not in:\n${told}`,
        );
    };
    const common = [
      ["Namespace:", name],
      ["Labels:", "app=agnhost"],
      ["role=primary"],
      ["Annotations:"],
    ] as const;
    tells(await run("describe", "pod", pod?.metadata.name ?? ""), [
      ["Name:", "agnhost-primary-"],
      ...common,
      ["Node:"],
      ["Status:", "Running"],
      ["IP:"],
      ["Controlled By:", "ReplicationController/agnhost-primary"],
      ["Image:", busybox],
      ["State:", "Running"],
      ["QoS Class:", "BestEffort"],
    ]);
    // Its status and its event may come after its pod.
    await eventually(
      "the controller counts its pod, and an event tells of it",
      () => run("describe", "rc", "agnhost-primary"),
      (told) => told.includes("1 current") && told.includes("SuccessfulCreate"),
    );
    tells(await run("describe", "rc", "agnhost-primary"), [
      ["Name:", "agnhost-primary"],
      ...common,
      ["Selector:", "app=agnhost,role=primary"],
      ["Replicas:", "1 current", "1 desired"],
      ["Pods Status:", "1 Running", "0 Waiting", "0 Succeeded", "0 Failed"],
      ["Pod Template:"],
      ["Image:", busybox],
      ["Events:"],
      ["Normal", "SuccessfulCreate", "replication-controller"],
    ]);
    tells(await run("describe", "service", "agnhost-primary"), [
      ["Name:", "agnhost-primary"],
      ...common,
      ["Selector:", "app=agnhost", "role=primary"],
      ["Type:", "ClusterIP"],
      ["IP:"],
      ["Port:", "<unset>", "6379/TCP"],
      ["Endpoints:"],
      ["Session Affinity:", "None"],
    ]);
    const node = pod?.spec.nodeName ?? "";
    tells(await run("describe", "node", node), [
      ["Name:", node],
      ["Labels:"],
      ["Annotations:"],
      ["CreationTimestamp:"],
      ["Conditions:"],
      ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
      ["Addresses:"],
      ["Capacity:"],
      ["Kernel Version:"],
      ["OS Image:"],
      ["Container Runtime Version:"],
      ["Kubelet Version:"],
      ["Non-terminated Pods:"],
    ]);
    tells(await run("describe", "namespace", name), [
      ["Name:", name],
      ["Labels:"],
      ["Annotations:"],
      ["Status:", "Active"],
    ]);
  });

  test("Kubectl, create service, replication controller: a controller is exposed, and its service again", async () => {
    const { run, input, running } = await inNamespace("exposed");
    await input(documents(primary), "create", "-f", "-");
    const [pod] = await running("app=agnhost", 1);
    const validate = async (service: string, port: number) => {
      await eventually(
        `${service} leads to the pod`,
        async () =>
          JSON.parse(await run("get", "endpoints", service, "-o", "json")) as {
            subsets?: { addresses: { targetRef: { name: string } }[]; ports: { port: number }[] }[];
          },
        ({ subsets = [] }) => {
          const [subset] = subsets;
          return (
            subset?.addresses[0]?.targetRef.name === pod?.metadata.name && subset?.ports[0]?.port === 6379
          );
        },
      );
      assert.equal(await run("get", "service", service, "-o", "jsonpath={.spec.ports[*].port}"), `${port}`);
    };
    await run("expose", "rc", "agnhost-primary", "--name=rm2", "--port=1234", "--target-port=6379");
    await validate("rm2", 1234);
    await run("expose", "service", "rm2", "--name=rm3", "--port=2345", "--target-port=6379");
    await validate("rm3", 2345);
  });

  test("Kubectl, label update", async () => {
    const { run, input, running } = await inNamespace("labelled");
    const pause = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pause", labels: { name: "pause" } },
      spec: { containers: [{ name: "pause", image: busybox, command: ["sleep", "1000"] }] },
    };
    await input(documents(pause), "create", "-f", "-");
    await running("name=pause", 1);
    await run("label", "pods", "pause", "testing-label=testing-label-value");
    assert.match(await run("get", "pod", "pause", "-L", "testing-label"), /testing-label-value/);
    await run("label", "pods", "pause", "testing-label-");
    assert.doesNotMatch(await run("get", "pod", "pause", "-L", "testing-label"), /testing-label-value/);
  });

  test("Kubectl, patch to annotate", async () => {
    const { run, input, running, pods } = await inNamespace("patched");
    await input(documents(primary), "create", "-f", "-");
    for (const { metadata } of await running("app=agnhost", 1))
      await run("patch", "pod", metadata.name, "-p", '{"metadata":{"annotations":{"x":"y"}}}');
    for (const { metadata } of await pods("app=agnhost")) assert.equal(metadata.annotations?.x, "y");
  });

  test("Kubectl, replace: the image of a pod that runs", async () => {
    const { run, input, running } = await inNamespace("replaced");
    const name = "e2e-test-httpd-pod";
    await run("run", name, `--image=${nginx}`, "--pod-running-timeout=2m0s", `--labels=run=${name}`);
    await running(`run=${name}`, 1);
    const pod = JSON.parse((await run("get", "pod", name, "-o", "json")).replaceAll(nginx, busybox));
    // Its status may have gone on since it was read.
    delete pod.metadata.resourceVersion;
    await input(documents(pod), "replace", "-f", "-");
    assert.equal(await run("get", "pod", name, "-o", "jsonpath={.spec.containers[0].image}"), busybox);
  });

  test("Kubectl, run pod: with restart Never", async () => {
    const { run } = await inNamespace("run");
    const name = "e2e-test-httpd-pod";
    await run("run", name, "--restart=Never", "--pod-running-timeout=2m0s", `--image=${nginx}`);
    const told = await run(
      "get",
      "pod",
      name,
      "-o",
      "jsonpath={.spec.containers[0].image} {.spec.restartPolicy}",
    );
    assert.equal(told, `${nginx} Never`);
    await run("delete", "pod", name, "--grace-period=0", "--force");
  });

  /** The API's versions, asked through a proxy of kubectl. */
  const versionsAt = (where: { readonly port: string } | { readonly socketPath: string }) =>
    new Promise<string[]>((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", path: "/api/", ...where }, (incoming) => {
        let text = "";
        incoming.on("data", (chunk: Buffer) => (text += chunk.toString()));
        incoming.on("end", () => resolve((JSON.parse(text) as { versions: string[] }).versions));
      });
      outgoing.on("error", reject);
      outgoing.end();
    });

  test("Kubectl, proxy port zero", async () => {
    const proxy = cluster.kubectlInBackground("proxy", "-p", "0", "--disable-filter");
    const text = await eventually(
      "the proxy serves",
      async () => proxy.output(),
      (output) => /serve on/.test(output),
    );
    const port = /serve on .*:(\d+)/.exec(text)?.[1] ?? "";
    assert.deepEqual(await versionsAt({ port }), ["v1"]);
    await proxy.stop();
  });

  test("Kubectl, proxy socket", async () => {
    const socketPath = join(cluster.directory, "proxy.sock");
    const proxy = cluster.kubectlInBackground("proxy", `--unix-socket=${socketPath}`);
    await eventually(
      "the proxy serves",
      async () => proxy.output(),
      (output) => /serve on/.test(output),
    );
    assert.deepEqual(await versionsAt({ socketPath }), ["v1"]);
    await proxy.stop();
  });

  test("Kubectl, logs: all of them, the last lines, some bytes, with times, and those of late", async () => {
    const { run } = await inNamespace("logs");
    const name = "logs-generator";
    const script =
      "for i in $(seq 100); do echo $i GET /api/v1/namespaces/kube-system/pods/x 200; sleep 0.2; done";
    await run(
      "run",
      name,
      `--image=${busybox}`,
      "--restart=Never",
      "--pod-running-timeout=2m0s",
      "--",
      "sh",
      "-c",
      script,
    );
    await eventually(
      "the pod logs",
      () => cluster.kubectlWith({}, "-n", "logs", "logs", name, name),
      ({ code, stdout }) => code === 0 && stdout.includes("/api/v1/namespaces/kube-system"),
    );
    const lines = (text: string) => text.replace(/\n$/, "").split("\n");
    const last = await run("logs", name, name, "--tail=1");
    assert.notEqual(last, "");
    assert.equal(lines(last).length, 1);
    assert.equal((await run("logs", name, name, "--limit-bytes=1")).length, 1);
    const stamped = lines(await run("logs", name, name, "--tail=1", "--timestamps"));
    assert.equal(stamped.length, 1);
    assert.match(stamped[0] ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z \S+/);
    // Some of the log must be older than the second that is asked for.
    await eventually(
      "the log grows",
      () => run("logs", name, name),
      (text) => lines(text).length > 15,
    );
    const recent = lines(await run("logs", name, name, "--since=1s")).length;
    const older = lines(await run("logs", name, name, "--since=24h")).length;
    assert.ok(recent < older, `${recent} of ${older}`);
    await run("delete", "pod", name, "--now");
  });
});
