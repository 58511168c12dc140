import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type ExtensionServer,
  startExtensionServer,
} from "../src/apiserver/test-support/extension-server.ts";
import { eventually, simulatedCluster } from "./test-support/cluster.ts";

/** Another API server, in this process, behind a cluster's: what kubectl sees of it. */
describe("An API server behind the cluster's", () => {
  const name = "v1alpha1.wardle.example.com";
  const cluster = simulatedCluster({ nodes: 0 });
  let extension: ExtensionServer | undefined;

  before(async () => {
    extension = await startExtensionServer({
      frontProxyAuthority: await readFile(join(cluster().directory, "pki/front-proxy-ca.crt"), "utf8"),
      serverName: "sample-api.default.svc",
    });
  });
  after(() => extension?.close());

  const kubectl = (words: readonly string[], input?: string) => cluster().kubectlOf(words, input);
  const ok = (words: readonly string[], input?: string) => cluster().ok(words, input);
  const available = () =>
    ok(["get", "apiservice", name, "-o", "jsonpath={.status.conditions[?(@.type=='Available')].reason}"]);

  test("is registered, found, used like any other and taken away again", async () => {
    const registration = {
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name },
      spec: {
        group: "wardle.example.com",
        version: "v1alpha1",
        groupPriorityMinimum: 2000,
        versionPriority: 200,
        caBundle: extension?.caBundle,
        service: { namespace: "default", name: "sample-api", port: extension?.listener.port },
      },
    };
    await ok(["apply", "-f", "-"], JSON.stringify(registration));
    await eventually("the service is missed", available, (reason) => reason === "ServiceNotFound");
    assert.notEqual((await kubectl(["get", "flunders.v1alpha1.wardle.example.com"])).code, 0);
    await ok(["create", "service", "externalname", "sample-api", "--external-name=localhost"]);
    await eventually("the server is found", available, (reason) => reason === "Passed");

    assert.match(
      await ok(["api-resources", "--api-group=wardle.example.com"]),
      /^flunders\s+wardle.example.com\/v1alpha1\s+true\s+Flunder/m,
    );
    const flunder = {
      apiVersion: "wardle.example.com/v1alpha1",
      kind: "Flunder",
      metadata: { name: "one", labels: { a: "b" } },
      spec: { reference: "x" },
    };
    await ok(["apply", "--server-side", "-f", "-"], JSON.stringify(flunder));
    assert.equal(extension?.writes.at(-1)?.user.name, "kubernetes-admin");
    assert.match(await ok(["get", "flunders", "-l", "a=b"]), /^NAME\s*\none/);
    await ok(["label", "flunder", "one", "c=d"]);
    assert.equal(await ok(["get", "flunder", "one", "-o", "jsonpath={.metadata.labels.c}"]), "d");
    assert.match(await ok(["delete", "flunders", "--all"]), /flunder.wardle.example.com "one" deleted/);
    assert.match(await ok(["get", "apiservice", name]), /default\/sample-api\s+True/);

    await ok(["delete", "apiservice", name]);
    await eventually(
      "it is gone",
      () => kubectl(["get", "--raw", "/apis/wardle.example.com/v1alpha1/flunders"]),
      ({ stderr }) => /NotFound|could not find the requested resource/.test(stderr),
    );
  });
});
