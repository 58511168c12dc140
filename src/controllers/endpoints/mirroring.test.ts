import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints, Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import { describeIntent, type Intent } from "../framework/intent.ts";
import { meta } from "../test-support/objects.ts";
import { reconcileMirror } from "./mirroring.ts";

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: meta("db"),
  spec: { clusterIP: "10.0.0.1" },
};

const endpoints = (ips: readonly string[], labels: Record<string, string> = {}): Endpoints => ({
  apiVersion: "v1",
  kind: "Endpoints",
  metadata: meta("db", { labels }),
  subsets: [
    {
      addresses: ips.map((ip) => ({ ip })),
      notReadyAddresses: [{ ip: "10.1.0.9" }],
      ports: [{ port: 5432 }],
    },
  ],
});

function made(intent: Intent | undefined): EndpointSlice {
  assert.ok(intent?.action === "create" || intent?.action === "update");
  const slice = intent.object as EndpointSlice;
  return { ...slice, metadata: { ...slice.metadata, name: "db-x", uid: "uid-x" } };
}

test("Endpoints kept by hand are copied into a slice for each family (EndpointSlice Mirroring)", () => {
  const intents = reconcileMirror({ endpoints: endpoints(["10.1.0.1", "fd00::1"]), service, slices: [] });
  assert.deepEqual(intents.map(describeIntent), [
    "create endpointslices default/db-",
    "create endpointslices default/db-",
  ]);
  const slice = made(intents[0]);
  assert.deepEqual(slice.endpoints, [
    { addresses: ["10.1.0.1"], conditions: { ready: true } },
    { addresses: ["10.1.0.9"], conditions: { ready: false } },
  ]);
  assert.deepEqual(slice.ports, [{ name: "", port: 5432, protocol: "TCP" }]);
  assert.equal(slice.metadata.labels?.["kubernetes.io/service-name"], "db");
  assert.equal(made(intents[1]).addressType, "IPv6");
});

test("a changed address changes the slice, a deletion deletes it (EndpointSlice Mirroring)", () => {
  const slice = made(reconcileMirror({ endpoints: endpoints(["10.1.0.1"]), service, slices: [] })[0]);
  const changed = reconcileMirror({ endpoints: endpoints(["10.1.0.2"]), service, slices: [slice] });
  assert.deepEqual(changed.map(describeIntent), ["update endpointslices default/db-x"]);
  const gone = reconcileMirror({ endpoints: undefined, service, slices: [slice] });
  assert.deepEqual(gone.map(describeIntent), ["delete endpointslices default/db-x"]);
});

test("a changed annotation changes the slice; those that speak of the Endpoints themselves stay there", () => {
  const slice = made(reconcileMirror({ endpoints: endpoints(["10.1.0.1"]), service, slices: [] })[0]);
  const plain = endpoints(["10.1.0.1"]);
  const annotated: Endpoints = {
    ...plain,
    metadata: {
      ...plain.metadata,
      annotations: {
        note: "seen",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z",
      },
    },
  };
  const [changed] = reconcileMirror({ endpoints: annotated, service, slices: [slice] });
  assert.equal(changed?.action, "update");
  assert.deepEqual(made(changed).metadata.annotations, { note: "seen" });
  assert.deepEqual(made(changed).endpoints, slice.endpoints);
});

test("Endpoints that say so, or whose service has a selector, are not mirrored", () => {
  const skipped = endpoints(["10.1.0.1"], { "endpointslice.kubernetes.io/skip-mirror": "true" });
  assert.deepEqual(reconcileMirror({ endpoints: skipped, service, slices: [] }), []);
  const selecting = { ...service, spec: { ...service.spec, selector: { app: "db" } } };
  assert.deepEqual(
    reconcileMirror({ endpoints: endpoints(["10.1.0.1"]), service: selecting, slices: [] }),
    [],
  );
  assert.deepEqual(
    reconcileMirror({ endpoints: endpoints(["10.1.0.1"]), service: undefined, slices: [] }),
    [],
  );
});
