import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "../api/coordination/types.generated.ts";
import { leases } from "../api/resources.generated.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { createClient } from "../client/rest-client.ts";
import { FakeApi } from "../client/test-support/fake-api.ts";
import { identityLeaseHooks } from "./identity-lease.ts";
import { Startup } from "./startup.ts";

const namespace = "kube-system";
const labels = { "apiserver.kubernetes.io/identity": "kube-apiserver" };

async function setUp(held: readonly Lease[] = []) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const api = new FakeApi({ type: leases as never, clock, random });
  const client = createClient({ transport: api });
  for (const lease of held) await client.create(leases, lease);
  const identity = { name: "apiserver-x", hostname: "host", peerAddress: "10.0.0.1:6443" };
  const abort = new AbortController();
  const hooks = identityLeaseHooks(identity, { client, clock, random, logger: silentLogger });
  const startup = new Startup(hooks, { clock, logger: silentLogger });
  await startup.run(api, abort.signal);
  await clock.settle();
  const all = async () => (await client.list(leases, { namespace })).items;
  return { clock, startup, all, abort };
}

const leaseOf = (name: string, spec: Lease["spec"]): Lease => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name, namespace, labels },
  spec,
});

test("an API server keeps a lease under its name, and takes it away before it stops", async () => {
  const { clock, startup, all, abort } = await setUp([
    leaseOf("apiserver-x", { holderIdentity: "one before" }),
  ]);
  const [made] = await all();
  assert.deepEqual(made?.metadata.labels, { ...labels, "kubernetes.io/hostname": "host" });
  assert.equal(made?.metadata.annotations?.["kubernetes.io/peer-advertise-address"], "10.0.0.1:6443");
  assert.match(made?.spec?.holderIdentity ?? "", /^apiserver-x_/);
  assert.equal(made?.spec?.leaseDurationSeconds, 3600);
  await clock.advance(11_000);
  const [renewed] = await all();
  assert.equal(renewed?.spec?.holderIdentity, made?.spec?.holderIdentity);
  assert.notEqual(renewed?.spec?.renewTime, made?.spec?.renewTime);
  await startup.stop();
  abort.abort();
  assert.deepEqual(await all(), []);
});

test("leases of servers that are gone are collected within the hour, others stay", async () => {
  const alive = leaseOf("apiserver-y", {
    renewTime: "2999-01-01T00:00:00.000000Z",
    leaseDurationSeconds: 3600,
  });
  const { clock, all, abort } = await setUp([
    leaseOf("apiserver-gone", { renewTime: "1970-01-01T00:00:00.000000Z", leaseDurationSeconds: 10 }),
    leaseOf("apiserver-odd", {}),
    alive,
  ]);
  await clock.advance(3_600_000);
  const names = (await all()).map(({ metadata }) => metadata.name).sort();
  assert.deepEqual(names, ["apiserver-x", "apiserver-y"]);
  abort.abort();
});
