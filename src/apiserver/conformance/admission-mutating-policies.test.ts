import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const root = "/apis/admissionregistration.k8s.io/v1";
const apiVersion = "admissionregistration.k8s.io/v1";

interface Policy {
  readonly name: string;
  readonly mutation: object;
  readonly spec?: object;
  readonly binding?: object;
}

const merged = (expression: string) => ({
  patchType: "ApplyConfiguration",
  applyConfiguration: { expression },
});
const patched = (expression: string) => ({ patchType: "JSONPatch", jsonPatch: { expression } });
/** Adds a key with the keys that were there before it. */
const adding = (key: string) =>
  merged(`Object{data: {"${key}": object.data.map(k, k).filter(k, k != "${key}").join("+")}}`);

function suite({ api, named }: Suite): void {
  /** Policies for the config maps of a namespace of their own, in use when this resolves. */
  const prepare = async (name: string, policies: readonly Policy[]) => {
    const unique = named(name);
    const namespace = await api().namespace(unique, { [unique]: "true" });
    const namespaceSelector = { matchLabels: { [unique]: "true" } };
    const kinds = (resource: string) => [
      { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: [resource] },
    ];
    const apply = async ({ name: own, mutation, spec = {}, binding = {} }: Policy, resource: string) => {
      const full = `${unique}-${own}`;
      await api().create(`${root}/mutatingadmissionpolicies`, {
        apiVersion,
        kind: "MutatingAdmissionPolicy",
        metadata: { name: full },
        spec: {
          matchConstraints: { namespaceSelector, resourceRules: kinds(resource) },
          reinvocationPolicy: "Never",
          mutations: [mutation],
          ...spec,
        },
      });
      await api().create(`${root}/mutatingadmissionpolicybindings`, {
        apiVersion,
        kind: "MutatingAdmissionPolicyBinding",
        metadata: { name: full },
        spec: { policyName: full, ...binding },
      });
    };
    for (const policy of policies) await apply(policy, "configmaps");
    await apply(
      { name: "ready", mutation: merged('Object{metadata: Object.metadata{labels: {"ready": "yes"}}}') },
      "serviceaccounts",
    );
    await eventually("the policies are in use", async () => {
      const body = { apiVersion: "v1", kind: "ServiceAccount", metadata: { generateName: "probe-" } };
      const { metadata } = await api().create(`${namespace}/serviceaccounts`, body);
      return metadata.labels?.ready === "yes";
    });
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "m-" }, data: { z: "0" } };
    return {
      unique,
      create: async () => (await api().create<AnyObject>(`${namespace}/configmaps`, body)).data,
      refused: () => api().refused("POST", `${namespace}/configmaps`, { body }),
    };
  };

  test("policies mutate in the order of their names; one that asks for it sees again what later ones made", async () => {
    const { create } = await prepare("map-order", [
      { name: "a", mutation: adding("a"), spec: { reinvocationPolicy: "IfNeeded" } },
      {
        name: "b",
        mutation: patched(
          '[JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("b"), value: "patched"}]',
        ),
      },
    ]);
    const { a, b, z } = (await create()) as Readonly<Record<string, string>>;
    assert.deepEqual([b, z], ["patched", "0"]);
    // The second time it saw the other's key.
    assert.deepEqual(a?.split("+").toSorted(), ["b", "z"]);
  });

  for (const [what, mutation, why] of [
    ["an expression that fails", merged("Object{data: {'x': object.data.none}}"), /no such key: none/],
    ["a patch that does not fit", patched('[JSONPatch{op: "remove", path: "/data/none/x"}]'), /JSON Patch/],
    [
      "a test in a patch that fails",
      patched('[JSONPatch{op: "test", path: "/data/z", value: "1"}]'),
      /JSON Patch/,
    ],
  ] as const) {
    test(`${what} refuses the request, or is passed over where failures are ignored`, async () => {
      const name = `map-${what.replaceAll(" ", "-")}`;
      const failing = await prepare(name, [{ name: "f", mutation }]);
      const { code, message = "" } = await failing.refused();
      assert.equal(code, 422);
      const { unique } = failing;
      assert.ok(
        message.includes(`policy '${unique}-f' with binding '${unique}-f' denied request: `),
        message,
      );
      assert.match(message, why);
      const ignored = await prepare(`${name}-ignored`, [
        { name: "f", mutation, spec: { failurePolicy: "Ignore" } },
      ]);
      assert.deepEqual(await ignored.create(), { z: "0" });
    });
  }

  test("a policy without its parameters is refused or passed over as its binding says", async () => {
    const withParams = (parameterNotFoundAction: string): Policy => ({
      name: "p",
      mutation: merged("Object{data: {'x': params.data.x}}"),
      spec: { paramKind: { apiVersion: "v1", kind: "ConfigMap" } },
      binding: { paramRef: { name: "none", namespace: "default", parameterNotFoundAction } },
    });
    const denied = await prepare("map-params-deny", [withParams("Deny")]);
    const { message = "" } = await denied.refused();
    assert.match(
      message,
      /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
    );
    const allowed = await prepare("map-params-allow", [withParams("Allow")]);
    assert.deepEqual(await allowed.create(), { z: "0" });
  });

  test("of two variables of one name each is compiled, at its own place", async () => {
    const { message = "" } = await api().refused("POST", `${root}/validatingadmissionpolicies`, {
      body: {
        apiVersion,
        kind: "ValidatingAdmissionPolicy",
        metadata: { name: named("twice") },
        spec: {
          matchConstraints: {
            resourceRules: [
              { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] },
            ],
          },
          variables: [
            { name: "a", expression: "1" },
            { name: "a", expression: "nobody" },
          ],
          validations: [{ expression: "true" }],
        },
      },
    });
    assert.match(message, /spec\.variables\[1\]\.expression: .*undeclared reference to 'nobody'/);
  });

  test("what policies do is counted under upstream's names", async () => {
    const { unique, create } = await prepare("map-counted", [{ name: "c", mutation: adding("c") }]);
    await create();
    const { text } = await api().send("GET", "/metrics");
    const labels = `policy="${unique}-c",policy_binding="${unique}-c",error_type="no_error"`;
    for (const metric of ["check_total", "check_duration_seconds_count"])
      assert.ok(text.includes(`apiserver_mutating_admission_policy_${metric}{${labels}}`), metric);
  });
}

overBothTransports("mutating admission policies", suite);
