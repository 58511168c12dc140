import assert from "node:assert/strict";
import { test } from "node:test";
import { services } from "../api/resources.generated.ts";
import { silentLogger } from "../base/log.ts";
import { startCluster } from "../testing/index.ts";
import { runProxy } from "./proxy.ts";

test("The proxy writes what changed, and everything after a failure", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const scripts: string[] = [];
  let fails = false;
  const rules = {
    apply: (script: string) => {
      if (fails) return Promise.reject(new Error("no such table"));
      scripts.push(script);
      return Promise.resolve();
    },
    remove: () => Promise.resolve(),
    forgetFlows: () => Promise.resolve(),
  };
  const stop = new AbortController();
  const { clock, informers } = cluster;
  const running = runProxy(
    { informers, rules, clock, logger: silentLogger },
    { nodeName: "node-1", clusterCidr: "10.244.0.0/16" },
    stop.signal,
  );
  await cluster.until(() => scripts.length === 1);
  assert.match(scripts[0] ?? "", /delete table ip kube-proxy/);
  const service = (name: string) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  });
  await cluster.client.create(services, service("one"));
  await cluster.until(() => scripts.length === 2);
  assert.doesNotMatch(scripts[1] ?? "", /delete table/);
  assert.match(scripts[1] ?? "", /add element ip kube-proxy no-endpoint-services/);
  fails = true;
  await cluster.client.create(services, service("two"));
  await cluster.advance("500ms");
  fails = false;
  await cluster.until(() => scripts.length === 3);
  assert.match(scripts[2] ?? "", /delete table ip kube-proxy/);
  stop.abort();
  await running;
});
