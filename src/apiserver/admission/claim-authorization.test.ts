import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserInfo } from "../../client/exchange.ts";
import { extraKeys } from "../authentication/identity.ts";
import type { AdmissionAttributes, AuthorizationAttributes } from "../stages.ts";
import { claimAuthorization } from "./claim-authorization.ts";
import { admitted, attributesFor, fixedDependencies, object } from "./test-support.ts";

const claims = { group: "resource.k8s.io", version: "v1", resource: "resourceclaims" };
const kind = { group: "resource.k8s.io", version: "v1", kind: "ResourceClaim" };
const onNode = (name: string) => ({
  nodeSelector: {
    nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
  },
});
const device = (driver: string, name = "d") => ({ driver, pool: "p", device: name });
const claim = (status: object) => object("ResourceClaim", "c", { spec: {}, status });
const driver = (node: string): UserInfo => ({
  name: "system:serviceaccount:kube-system:driver",
  groups: [],
  extra: { [extraKeys.nodeName]: [node] },
});

function pluginThat(...allowed: readonly string[]) {
  const asked: string[] = [];
  const authorize = ({ verb, resource, subresource, namespace, name }: AuthorizationAttributes) => {
    asked.push(`${verb} ${resource}/${subresource} ${namespace}/${name}`);
    return { allowed: allowed.includes(`${verb} ${subresource}`), reason: "" };
  };
  const namespace = (name: string, labels: object) => object("Namespace", name, {}, { labels }) as never;
  const dependencies = fixedDependencies({
    namespaces: [namespace("ns", {}), namespace("admin", { "resource.kubernetes.io/admin-access": "true" })],
  });
  return { asked, plugin: claimAuthorization({ ...dependencies, authorizer: { authorize } }) };
}

function update(status: object, old: object, fields: Partial<AdmissionAttributes> = {}) {
  return attributesFor("resourceclaims", claim(status), {
    resource: claims,
    kind,
    subresource: "status",
    oldObject: claim(old) as never,
    verb: "update",
    ...fields,
  });
}

for (const { name, allowed = [], status, old = {}, fields = {}, asked, refusal } of [
  {
    name: "asks nothing where nothing changes",
    status: { allocation: onNode("a"), devices: [device("x")] },
    old: { allocation: onNode("a"), devices: [device("x")] },
    asked: [],
  },
  {
    name: "lets those allocate who may bind claims everywhere",
    allowed: ["update binding"],
    status: { allocation: onNode("a") },
    asked: ["update resourceclaims/binding /"],
  },
  {
    name: "refuses a reservation to those who may not",
    status: { reservedFor: [{ resource: "pods", name: "p", uid: "u" }] },
    asked: ["update resourceclaims/binding /"],
    refusal:
      /^ResourceClaim.resource.k8s.io "c" is invalid: status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims\/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: User "jane" cannot update resource "resourceclaims\/binding"/,
  },
  {
    name: "lets a driver report on its own node",
    allowed: ["associated-node:patch driver"],
    status: { allocation: onNode("a"), devices: [device("x")] },
    old: { allocation: onNode("a") },
    fields: { user: driver("a"), verb: "patch" },
    asked: ["associated-node:patch resourceclaims/driver ns/x"],
  },
  {
    name: "does not let it report on another node",
    allowed: ["associated-node:update driver"],
    status: { allocation: onNode("b"), devices: [device("x")] },
    old: { allocation: onNode("b") },
    fields: { user: driver("a") },
    asked: ["arbitrary-node:update resourceclaims/driver ns/x"],
    refusal:
      /status.devices: Forbidden: changing status.devices requires resource="resourceclaims\/driver", verb="\[arbitrary-node:update\]"/,
  },
  {
    name: "asks for each driver whose devices came, changed or went",
    allowed: ["arbitrary-node:update driver"],
    status: { devices: [device("same"), device("new"), { ...device("changed"), data: { a: 1 } }] },
    old: { devices: [device("same"), device("changed"), device("gone")] },
    asked: ["changed", "gone", "new"].map((each) => `arbitrary-node:update resourceclaims/driver ns/${each}`),
  },
] as {
  name: string;
  allowed?: string[];
  status: object;
  old?: object;
  fields?: Partial<AdmissionAttributes>;
  asked: string[];
  refusal?: RegExp;
}[]) {
  test(`ResourceClaim status: it ${name}`, async () => {
    const made = pluginThat(...allowed);
    const result = await admitted(made.plugin, update(status, old, fields));
    if (refusal === undefined) assert.equal(typeof result, "object", String(result));
    else assert.match(String(result), refusal);
    assert.deepEqual(made.asked, asked);
  });
}

test("ResourceClaim: administrators' access to devices needs the namespace's label", async () => {
  const { plugin } = pluginThat();
  const given = object("ResourceClaim", "c", {
    spec: { devices: { requests: [{ name: "r", exactly: { deviceClassName: "x", adminAccess: true } }] } },
  });
  const create = (namespace: string) =>
    attributesFor("resourceclaims", given, { resource: claims, kind, namespace });
  assert.equal(typeof (await admitted(plugin, create("admin"))), "object");
  assert.match(
    String(await admitted(plugin, create("ns"))),
    /spec.devices.requests\[0\].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io\/admin-access: true` label/,
  );
});
