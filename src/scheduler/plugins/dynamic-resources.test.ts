import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import type { ResourceClaim } from "../../api/resource/types.generated.ts";
import { podInfoOf } from "../cache/pod-info.ts";
import { outcome } from "../test-support/core.ts";
import { node, pod } from "../test-support/objects.ts";
import { dynamicResources } from "./dynamic-resources.ts";

const onB = {
  nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] }],
};

function claim(name: string, status: ResourceClaim["status"] = {}): ResourceClaim {
  const metadata = { name, namespace: "default" };
  return { apiVersion: "resource.k8s.io/v1", kind: "ResourceClaim", metadata, spec: {}, status };
}

const known = new Map([
  ["default/given", claim("given", { allocation: { nodeSelector: onB } })],
  [
    "default/open",
    {
      ...claim("open"),
      spec: { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpus" } }] } },
    },
  ],
]);

const nothing = { get: () => undefined, list: () => [] };
const dependencies = {
  claims: { get: (key: string) => known.get(key), list: () => [...known.values()] },
  classes: nothing,
  slices: nothing,
  selectors: () => ({ match: () => true }),
};

function claiming(reference: object, status: Pod["status"] = {}): Pod {
  return { ...pod("p", { spec: { resourceClaims: [{ name: "gpu", ...reference }] } }), status };
}

const none = (reason: string) => `0/2 nodes are available: ${reason}.`;

for (const { name, pod, want } of [
  { name: "follows a claim to its devices", pod: claiming({ resourceClaimName: "given" }), want: "b" },
  {
    name: "finds the claim that was made from a template",
    pod: claiming(
      { resourceClaimTemplateName: "t" },
      { resourceClaimStatuses: [{ name: "gpu", resourceClaimName: "given" }] },
    ),
    want: "b",
  },
  {
    name: "waits for the claim of a template",
    pod: claiming({ resourceClaimTemplateName: "t" }),
    want: none('waiting for the resource claim "gpu" of the pod to be created'),
  },
  {
    name: "waits for a claim that is not there",
    pod: claiming({ resourceClaimName: "gone" }),
    want: none('resourceclaim "gone" not found'),
  },
  {
    name: "says which class of devices is not there",
    pod: claiming({ resourceClaimName: "open" }),
    want: "0/2 nodes are available: 2 could not retrieve device class gpus: not found.",
  },
])
  test(`DynamicResources ${name}`, () => {
    const never = async () => assert.fail("not asked");
    const plugin = dynamicResources({ ...dependencies, client: { get: never, update: never } });
    assert.equal(outcome({ nodes: [node("a"), node("b")], plugins: [plugin] }, pod), want);
  });

test("DynamicResources takes a place among the users of a claim before the pod is bound", async () => {
  const written: unknown[] = [];
  const given = known.get("default/given");
  const client = {
    get: async () => given as never,
    update: async (_type: unknown, object: unknown) => {
      written.push(object);
      return object as never;
    },
  };
  const plugin = dynamicResources({ ...dependencies, client });
  const info = podInfoOf(claiming({ resourceClaimName: "given" }));
  await plugin.preBind?.(info, "b", new AbortController().signal);
  const reservedFor = [{ resource: "pods", name: "p", uid: "uid-p" }];
  assert.deepEqual(written, [{ ...given, status: { ...given?.status, reservedFor } }]);
});
