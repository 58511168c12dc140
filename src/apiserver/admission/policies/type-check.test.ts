import assert from "node:assert/strict";
import { test } from "node:test";
import type { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/types.generated.ts";
import { builtInDefinitions } from "../../../api/registry.ts";
import { schemas } from "../../../api/schemas.ts";
import { typeWarnings } from "./type-check.ts";

const policy = (validations: readonly string[], fields: object = {}) =>
  ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name: "p" },
    spec: {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ["apps"],
            apiVersions: ["v1"],
            operations: ["CREATE"],
            resources: ["deployments", "replicasets"],
          },
        ],
      },
      validations: validations.map((expression) => ({ expression })),
      ...fields,
    },
  }) as ValidatingAdmissionPolicy;

const known = {
  definitions: () => builtInDefinitions,
  modelOf: ({ group, version, kind }: { group: string; version: string; kind: string }) =>
    schemas.kind(group, version, kind),
};

test("expressions that fit their kinds give no warnings", () => {
  const right = policy(
    [
      "object.spec.replicas > 1 && has(object.spec.template.spec.containers[0].image)",
      "object.spec.template.spec.containers.all(c, c.image.startsWith('x') && variables.name == 'a')",
      "oldObject == null || object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')",
    ],
    { variables: [{ name: "name", expression: "object.metadata.name" }] },
  );
  assert.deepEqual(typeWarnings(right, known), []);
});

test("ValidatingAdmissionPolicy: an expression that does not fit is named with each kind and the place", () => {
  const wrong = policy(["object.replicas > 1", "object.spec.replicas > 'x'"], {
    variables: [{ name: "bad", expression: "object.nothing" }],
  });
  const warnings = typeWarnings(wrong, known);
  assert.deepEqual(
    warnings.map(({ fieldRef }) => fieldRef),
    ["spec.variables[0].expression", "spec.validations[0].expression", "spec.validations[1].expression"],
  );
  assert.equal(
    warnings[1]?.warning.split("\n\n")[0],
    "apps/v1, Kind=Deployment: ERROR: <input>:1:7: undefined field 'replicas'\n | object.replicas > 1\n | ......^",
  );
  assert.match(warnings[1]?.warning ?? "", /apps\/v1, Kind=ReplicaSet: ERROR/);
  assert.match(
    warnings[2]?.warning ?? "",
    /found no matching overload for '_>_' applied to '\(int, string\)'/,
  );
});
