import assert from "node:assert/strict";
import { test } from "node:test";
import { definition } from "../openapi/test-support/definitions.ts";
import { uidMismatch } from "./uid-mismatch.ts";

for (const { group = "", plural, namespace = "ns", want } of [
  { plural: "configmaps", want: "/registry/configmaps/ns/a" },
  { plural: "services", want: "/registry/services/specs/ns/a" },
  { plural: "nodes", namespace: "", want: "/registry/minions/a" },
  { group: "apps", plural: "deployments", want: "/registry/deployments/ns/a" },
  { group: "networking.k8s.io", plural: "ingresses", want: "/registry/ingress/ns/a" },
  {
    group: "apiextensions.k8s.io",
    plural: "customresourcedefinitions",
    namespace: "",
    want: "/registry/apiextensions.k8s.io/customresourcedefinitions/a",
  },
])
  test(`another uid of ${plural} is told of under the key ${want}`, () => {
    const { message } = uidMismatch(definition({ group, plural }), {
      namespace,
      name: "a",
      wanted: "1",
      actual: "2",
    });
    assert.ok(
      message.endsWith(
        `Key: ${want}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: 1, UID in object meta: 2`,
      ),
      message,
    );
  });
