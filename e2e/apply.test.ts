import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, simulatedCluster } from "./test-support/cluster.ts";

/** kubectl's ways to apply, against an API server and its controllers alone. */
describe("kubectl apply", () => {
  const cluster = simulatedCluster({ nodes: 0 });
  const kubectl = (words: readonly string[], input?: string) => cluster().kubectlOf(words, input);
  const ok = (words: readonly string[], input?: string) => cluster().ok(words, input);

  const deployment = (name: string, replicas: number | undefined, image = "nginx:1") => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: {app: ${name}}
spec:
  ${replicas === undefined ? "" : `replicas: ${replicas}`}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
      - name: web
        image: ${image}
        resources: {requests: {cpu: 100m}}
`;
  const replicasOf = (name: string) => ok(["get", "deployment", name, "-o", "jsonpath={.spec.replicas}"]);
  const serverSide = ["apply", "--server-side", "-f", "-"];

  test("on the server's side makes, changes nothing, is refused where another scaled, and takes over by force", async () => {
    assert.match(await ok(serverSide, deployment("web", 2)), /deployment.apps\/web serverside-applied/);
    const version = () => ok(["get", "deployment", "web", "-o", "jsonpath={.metadata.generation}"]);
    const generation = await version();
    await ok(serverSide, deployment("web", 2));
    assert.equal(await version(), generation);
    await ok(["scale", "deployment", "web", "--replicas=5"]);
    const refused = await kubectl(serverSide, deployment("web", 2));
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps\/v1: \.spec\.replicas/,
    );
    await ok([...serverSide, "--force-conflicts"], deployment("web", 2));
    assert.equal(await replicasOf("web"), "2");
  });

  test("on the server's side leaves to others what it does not name", async () => {
    await ok(serverSide, deployment("shared", undefined));
    await ok(["scale", "deployment", "shared", "--replicas=4"]);
    await ok(serverSide, deployment("shared", undefined, "nginx:2"));
    assert.equal(await replicasOf("shared"), "4");
    await ok(["label", "deployment", "shared", "team=a"]);
    await ok(serverSide, deployment("shared", undefined, "nginx:3"));
    assert.equal(await ok(["get", "deployment", "shared", "-o", "jsonpath={.metadata.labels.team}"]), "a");
  });

  test("managed fields are shown when they are asked for", async () => {
    await ok(serverSide, deployment("shown", 1));
    await ok(["wait", "deployment/shown", "--for=jsonpath={.status.observedGeneration}=1", "--timeout=4m"]);
    assert.ok(!(await ok(["get", "deployment", "shown", "-o", "yaml"])).includes("managedFields"));
    const shown = await ok(["get", "deployment", "shown", "-o", "yaml", "--show-managed-fields"]);
    assert.match(shown, /manager: kubectl\n\s+operation: Apply/);
    assert.match(shown, /k:\{"name":"web"\}:/);
    assert.match(shown, /manager: kube-controller-manager\n\s+operation: Update\n\s+subresource: status/);
  });

  test("goes from the client's side to the server's and back", async () => {
    const clientSide = ["apply", "-f", "-"];
    await ok(clientSide, deployment("moved", 2));
    await ok(serverSide, deployment("moved", 3));
    assert.equal(await replicasOf("moved"), "3");
    // The annotation that the server wrote is not, letter for letter, what kubectl writes: once it is changed.
    await ok(clientSide, deployment("moved", 3));
    assert.match(await ok(clientSide, deployment("moved", 3)), /moved unchanged/);
    assert.match(await ok(clientSide, deployment("moved", 4)), /moved configured/);
    assert.equal(await replicasOf("moved"), "4");
  });

  test("diff shows what either way would change, and changes nothing", async () => {
    await ok(serverSide, deployment("compared", 2));
    for (const way of [["--server-side"], []]) {
      const { code, stdout } = await kubectl(["diff", ...way, "-f", "-"], deployment("compared", 3));
      assert.equal(code, 1);
      assert.match(stdout, /-\s+replicas: 2\n\+\s+replicas: 3/);
    }
    // kubectl compares status too, in two requests: it rests once the controllers have done what there is to do.
    await eventually(
      "nothing differs",
      () => kubectl(["diff", "--server-side", "-f", "-"], deployment("compared", 2)),
      ({ code }) => code === 0,
    );
    assert.equal(await replicasOf("compared"), "2");
  });

  test("Kubectl, diff Deployment: the images of what is there and what is declared", async () => {
    await ok(["apply", "-f", "-"], deployment("imaged", 1, "httpd:2"));
    const { code, stdout } = await kubectl(["diff", "-f", "-"], deployment("imaged", 1, "busybox:1"));
    assert.equal(code, 1);
    assert.match(stdout, /-\s+- image: httpd:2\n\+\s+- image: busybox:1/);
  });

  test("Kubectl, server-side dry-run Pod: a change that is tried out is not made", async () => {
    await ok(["run", "tried", "--image=httpd:2", "--labels=run=tried"]);
    const patch = JSON.stringify({ spec: { containers: [{ name: "tried", image: "busybox:1" }] } });
    assert.match(await ok(["patch", "pod", "tried", "-p", patch, "--dry-run=server"]), /tried patched/);
    assert.equal(await ok(["get", "pod", "tried", "-o", "jsonpath={.spec.containers[0].image}"]), "httpd:2");
  });

  test("an unknown field is refused on the server's side", async () => {
    const { code, stderr } = await kubectl(
      [...serverSide, "--validate=false"],
      deployment("wrong", 1).replace("replicas:", "replicass:"),
    );
    assert.equal(code, 1);
    assert.match(stderr, /\.spec\.replicass: field not declared in schema/);
  });

  test("every version served has an APIService", async () => {
    const listed = await ok(["get", "apiservices"]);
    assert.match(listed, /^v1\.apps\s+Local\s+True/m);
  });
});
