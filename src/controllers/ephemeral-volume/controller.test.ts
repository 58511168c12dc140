import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolumeClaim } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { controllerReference } from "../framework/ownership.ts";
import { meta, pod } from "../test-support/objects.ts";
import { reconcileEphemeralVolumes } from "./controller.ts";

const scratch = {
  name: "scratch",
  ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"] } } },
};
const web = pod("web", { spec: { containers: [], volumes: [scratch, { name: "other", emptyDir: {} }] } });
const claim = (owned: boolean): PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: meta("web-scratch", owned ? { ownerReferences: [controllerReference(web)] } : {}),
  spec: {},
});

test("An ephemeral volume's claim is made for its pod, and owned by it", () => {
  const [made] = reconcileEphemeralVolumes({ pod: web, claimOf: () => undefined });
  assert.ok(made?.action === "create");
  assert.equal(describeIntent(made), "create persistentvolumeclaims default/web-scratch");
  assert.equal(made.object.metadata.ownerReferences?.[0]?.uid, "uid-web");
});

test("An ephemeral volume's claim that is there is left alone; another's is complained of", () => {
  assert.deepEqual(reconcileEphemeralVolumes({ pod: web, claimOf: () => claim(true) }), []);
  const [complaint] = reconcileEphemeralVolumes({ pod: web, claimOf: () => claim(false) });
  assert.equal(complaint?.action, "event");
});
