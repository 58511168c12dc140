import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { startTestServer, type TestServer } from "../test-support/server.ts";

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

test("Service, complete ServiceStatus lifecycle: as a Go client writes it, with its empty times and structs", async () => {
  const services = "/api/v1/namespaces/default/services";
  const one = `${services}/of-a-class`;
  const labels = { "test-service-static": "true" };
  const created = await server.ok("POST", services, {
    body: {
      metadata: { name: "of-a-class", creationTimestamp: null, labels },
      spec: {
        type: "LoadBalancer",
        ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: 80 }],
        loadBalancerClass: "example.com/internal-vip",
      },
      status: { loadBalancer: {} },
    },
  });
  const { loadBalancerClass, type } = created.spec as Record<string, unknown>;
  assert.deepEqual([type, loadBalancerClass], ["LoadBalancer", "example.com/internal-vip"]);
  const patch = async (path: string, kind: "merge" | "strategic-merge", body: object) =>
    server.ok("PATCH", path, { body, headers: { "content-type": `application/${kind}-patch+json` } });
  const loadBalancer = { ingress: [{ ip: "203.0.113.1" }] };
  const patched = await patch(`${one}/status`, "merge", {
    metadata: { annotations: { patchedstatus: "true" } },
    status: { loadBalancer },
  });
  assert.equal(patched.metadata.annotations?.patchedstatus, "true");
  assert.deepEqual(patched.status, { loadBalancer: { ingress: [{ ip: "203.0.113.1", ipMode: "VIP" }] } });

  const condition = {
    type: "StatusUpdate",
    status: "True",
    lastTransitionTime: null,
    reason: "E2E",
    message: "Set from e2e test",
  };
  const status = { ...(patched.status as object), conditions: [condition] };
  const updated = await server.ok("PUT", `${one}/status`, { body: { ...patched, status } });
  const [told] = (updated.status as { conditions: (typeof condition)[] }).conditions;
  assert.deepEqual([told?.type, told?.reason], ["StatusUpdate", "E2E"]);

  const labelled = await patch(one, "strategic-merge", {
    metadata: { creationTimestamp: null, labels: { "test-service": "patched" } },
    spec: {},
    status: { loadBalancer: {} },
  });
  assert.deepEqual(labelled.metadata.labels, { ...labels, "test-service": "patched" });
  assert.deepEqual((labelled as AnyObject).status, updated.status);
  await server.ok("DELETE", one);
  assert.equal((await server.object<{ code: number }>("GET", one)).code, 404);
});
