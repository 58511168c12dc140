import assert from "node:assert/strict";
import { test } from "node:test";
import { inGoForm } from "./go-form.ts";
import { goStructs } from "./go-structs.ts";

for (const { struct, value, want } of [
  {
    struct: "ContainerPort",
    value: { containerPort: 80, hostIP: "1.2.3.4" },
    want: '{"Name":"","HostPort":0,"ContainerPort":80,"Protocol":"","HostIP":"1.2.3.4"}',
  },
  {
    struct: "ConfigMapKeySelector",
    value: { key: "k", name: "n" },
    want: '{"Name":"n","Key":"k","Optional":null}',
  },
  {
    struct: "ISCSIVolumeSource",
    value: { chapAuthSession: true, lun: 1 },
    want: '{"TargetPortal":"","IQN":"","Lun":1,"ISCSIInterface":"","FSType":"","ReadOnly":false,"Portals":null,"DiscoveryCHAPAuth":false,"SessionCHAPAuth":true,"SecretRef":null,"InitiatorName":null}',
  },
  {
    struct: "PersistentVolumeClaimSpec",
    value: { selector: { matchLabels: { b: "1", a: "2" } }, resources: { requests: { storage: "1Gi" } } },
    want: '{"AccessModes":null,"Selector":{"matchLabels":{"a":"2","b":"1"}},"Resources":{"Limits":null,"Requests":{"storage":"1Gi"}},"VolumeName":"","StorageClassName":null,"VolumeMode":null,"DataSource":null,"DataSourceRef":null,"VolumeAttributesClassName":null}',
  },
  { struct: "Sysctl", value: [{ name: "a" }, undefined], want: '[{"Name":"a","Value":""},null]' },
])
  test(`a ${struct} is shown as Go's server shows its own struct`, () => {
    assert.equal(JSON.stringify(inGoForm(struct, value)), want);
  });

test("a pod's use of the host's namespaces is in its security context", () => {
  const form = inGoForm("PodSpec", { containers: [], hostNetwork: true, serviceAccount: "a" });
  const { SecurityContext: context, ...rest } = form as Record<string, Record<string, unknown>>;
  assert.deepEqual(
    { network: context?.HostNetwork, pid: context?.HostPID, users: context?.HostUsers },
    { network: true, pid: false, users: null },
  );
  assert.deepEqual(rest.Containers, []);
  assert.ok(!("HostNetwork" in rest) && !("DeprecatedServiceAccount" in rest));
});

test("every struct that another one has is known", () => {
  const names = new Set(
    goStructs
      .trim()
      .split("\n")
      .map((line) => line.split(": ")[0]),
  );
  for (const [, name = ""] of goStructs.matchAll(/[:+](\w+)(?= |$)/gm)) assert.ok(names.has(name), name);
  for (const name of names) assert.equal(typeof inGoForm(name ?? "", {}), "object");
});
