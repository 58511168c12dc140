import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { schemas } from "../../../api/schemas.ts";
import type { Status } from "../../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../../apimachinery/meta.ts";
import { defineKind, kindPath } from "../../custom-resources/test-support.ts";
import type { AuthorizationAttributes } from "../../stages.ts";
import { startAdmittingServer } from "../../test-support/admitting-server.ts";
import { namesOf, type TestServer } from "../../test-support/server.ts";
import { mutatingPolicies } from "./mutating-plugin.ts";
import { withoutObjectLiterals } from "./object-literals.ts";
import type { PolicyDependencies } from "./policy-dependencies.ts";
import { validatingPolicies } from "./validating-plugin.ts";

const group = "/apis/admissionregistration.k8s.io/v1";
let server: TestServer;

before(async () => {
  server = await startAdmittingServer(({ client, informers, server: running }) => {
    const dependencies: PolicyDependencies = {
      client,
      informers,
      // Answers later, as an authorizer that asks elsewhere does: jane may use what is called "free".
      authorizer: {
        authorize: async ({ user, verb, name }: AuthorizationAttributes) => ({
          allowed: user.name === "jane" && verb === "use" && name === "free",
          reason: "",
        }),
      },
      definitionOf: (resource) => running().server.definitionOf(resource),
      definitions: () => running().server.definitions(),
      modelOf: (kind) => schemas.kind(kind.group, kind.version, kind.kind),
    };
    return [mutatingPolicies(dependencies), validatingPolicies(dependencies)];
  });
  await server.ok("POST", "/api/v1/namespaces", {
    body: {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "prod", labels: { environment: "production" } },
    },
  });
});
after(() => server.close());

const everything = {
  resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"] }],
};
const only = (apiGroup: string, resource: string, operations: readonly string[] = ["CREATE", "UPDATE"]) => ({
  resourceRules: [{ apiGroups: [apiGroup], apiVersions: ["v1"], operations, resources: [resource] }],
});

/** Creates a policy with its binding, runs the work, and takes both away again. */
async function withPolicy(
  kind: "Validating" | "Mutating",
  spec: object,
  work: () => Promise<void>,
  binding: object = {},
): Promise<void> {
  const plural = `${kind.toLowerCase()}admissionpolic`;
  const policy = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}AdmissionPolicy`,
    metadata: { name: "p" },
    spec,
  };
  await server.ok("POST", `${group}/${plural}ies`, { body: policy });
  await server.ok("POST", `${group}/${plural}ybindings`, {
    body: {
      ...policy,
      kind: `${kind}AdmissionPolicyBinding`,
      metadata: { name: "b" },
      spec: {
        policyName: "p",
        ...(kind === "Validating" ? { validationActions: ["Deny"] } : {}),
        ...binding,
      },
    },
  });
  await server.clock.settle();
  try {
    await work();
  } finally {
    await server.ok("DELETE", `${group}/${plural}ybindings/b`);
    await server.ok("DELETE", `${group}/${plural}ies/p`);
    await server.clock.settle();
  }
}

const configMaps = "/api/v1/namespaces/prod/configmaps";
const configMap = (name: string, data: object = {}, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});
const deployment = (name: string, replicas: number) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: "x" } },
    template: { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
});
const deployments = "/apis/apps/v1/namespaces/prod/deployments";

const create = (path: string, body: object, query: Readonly<Record<string, string>> = { dryRun: "All" }) =>
  server.object<Status & AnyObject>("POST", path, { body, query, user: { name: "jane", groups: [] } });

test("ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment", async () => {
  const spec = {
    matchConstraints: only("apps", "deployments"),
    validations: [
      {
        expression: "object.spec.replicas > 1",
        messageExpression: "'wants more than ' + string(object.spec.replicas)",
      },
      { expression: "namespaceObject.metadata.labels.environment == 'production'" },
      {
        expression:
          "request.operation == 'CREATE' && oldObject == null && request.userInfo.username == 'jane'",
      },
    ],
  };
  await withPolicy("Validating", spec, async () => {
    const refused = await create(deployments, deployment("a", 1));
    assert.equal(refused.code, 422);
    assert.equal(refused.reason, "Invalid");
    assert.equal(
      refused.message,
      `deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: wants more than 1`,
    );
    assert.equal((await create(deployments, deployment("a", 2))).kind, "Deployment");
  });
});

test("ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables", async () => {
  const spec = {
    matchConstraints: only("apps", "deployments"),
    variables: [
      { name: "replicas", expression: "object.spec.replicas" },
      { name: "odd", expression: "variables.replicas % 2 == 1" },
      { name: "unused", expression: "object.missing.field" },
    ],
    validations: [
      { expression: "variables.replicas > 1" },
      { expression: "variables.odd", reason: "Forbidden", message: "be odd" },
    ],
  };
  await withPolicy("Validating", spec, async () => {
    assert.match(
      (await create(deployments, deployment("a", 1))).message ?? "",
      /failed expression: variables.replicas > 1$/,
    );
    const even = await create(deployments, deployment("a", 2));
    assert.equal(even.code, 403);
    assert.match(even.message ?? "", /denied request: be odd$/);
    assert.equal((await create(deployments, deployment("a", 3))).kind, "Deployment");
  });
});

for (const { name, spec = {}, binding = {}, want } of [
  {
    name: "denies by an expression that fails",
    spec: { validations: [{ expression: "object.data.a == '1'" }] },
    want: /expression 'object.data.a == '1'' resulted in error: no such key: data$/,
  },
  {
    name: "lets through what fails when failures are ignored",
    spec: { failurePolicy: "Ignore", validations: [{ expression: "object.data.a == '1'" }] },
    want: undefined,
  },
  {
    name: "is not asked when a match condition is false",
    spec: {
      validations: [{ expression: "false" }],
      matchConditions: [{ name: "m", expression: "object.metadata.name != 'm'" }],
    },
    want: undefined,
  },
  {
    name: "asks the authorizer",
    spec: {
      validations: [
        { expression: "authorizer.group('').resource('configmaps').name('free').check('use').allowed()" },
      ],
    },
    want: undefined,
  },
  {
    name: "denies what the authorizer does not allow",
    spec: { validations: [{ expression: "authorizer.requestResource.check('use').allowed()" }] },
    want: /failed expression/,
  },
  {
    name: "excludes resources",
    spec: {
      matchConstraints: {
        ...everything,
        excludeResourceRules: [
          { apiGroups: [""], apiVersions: ["*"], operations: ["*"], resources: ["configmaps"] },
        ],
      },
      validations: [{ expression: "false" }],
    },
    want: undefined,
  },
  {
    name: "selects by the namespace's labels",
    binding: { matchResources: { namespaceSelector: { matchLabels: { environment: "test" } } } },
    spec: { validations: [{ expression: "false" }] },
    want: undefined,
  },
  {
    name: "needs its parameters",
    spec: { paramKind: { apiVersion: "v1", kind: "ConfigMap" }, validations: [{ expression: "true" }] },
    binding: { paramRef: { name: "none", parameterNotFoundAction: "Deny" } },
    want: /failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  },
  {
    name: "does without parameters where that is allowed",
    spec: { paramKind: { apiVersion: "v1", kind: "ConfigMap" }, validations: [{ expression: "false" }] },
    binding: { paramRef: { name: "none", parameterNotFoundAction: "Allow" } },
    want: undefined,
  },
]) {
  test(`a validating policy ${name}`, async () => {
    const whole = { matchConstraints: only("", "configmaps"), ...spec };
    await withPolicy(
      "Validating",
      whole,
      async () => {
        const answer = await create(configMaps, configMap("m"));
        if (want === undefined) assert.equal(answer.kind, "ConfigMap", String(answer.message));
        else assert.match(answer.message ?? "", want);
      },
      binding,
    );
  });
}

test("a policy is told of its expressions and of its other faults at once", async () => {
  const status = await server.object<Status>(
    "POST",
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    {
      body: {
        metadata: { name: "faulty" },
        spec: {
          failurePolicy: "Never",
          matchConstraints: {
            resourceRules: [
              { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] },
            ],
          },
          validations: [{ expression: "1" }],
        },
      },
    },
  );
  assert.equal(status.code, 422);
  assert.deepEqual(
    status.details?.causes?.map(({ field }) => field),
    ["spec.failurePolicy", "spec.validations[0].expression"],
  );
});

test("a policy that warns lets the request pass", async () => {
  const spec = {
    matchConstraints: only("", "configmaps"),
    validations: [{ expression: "false", message: "not nice" }],
  };
  await withPolicy(
    "Validating",
    spec,
    async () => {
      const { status, headers } = await server.call("POST", configMaps, {
        body: configMap("w"),
        query: { dryRun: "All" },
      });
      assert.equal(status, 201);
      assert.deepEqual(headers.warning, [
        `299 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': not nice"`,
      ]);
    },
    { validationActions: ["Warn", "Audit"] },
  );
});

test("parameters are custom resources as well", async () => {
  await defineKind(server, { plural: "limits", kind: "Limit" });
  await server.ok("POST", kindPath("limits"), {
    body: {
      apiVersion: "example.com/v1",
      kind: "Limit",
      metadata: { name: "small", labels: { use: "yes" } },
      maxReplicas: 3,
    },
  });
  const spec = {
    paramKind: { apiVersion: "example.com/v1", kind: "Limit" },
    matchConstraints: only("apps", "deployments"),
    validations: [{ expression: "object.spec.replicas <= params.maxReplicas" }],
  };
  const selector = { matchLabels: { use: "yes" } };
  await withPolicy(
    "Validating",
    spec,
    async () => {
      assert.equal((await create(deployments, deployment("a", 4))).code, 422);
      assert.equal((await create(deployments, deployment("a", 3))).kind, "Deployment");
    },
    { paramRef: { selector, namespace: "default", parameterNotFoundAction: "Deny" } },
  );
});

test("MutatingAdmissionPolicy [Privileged:ClusterAdmin] should mutate a Deployment", async () => {
  const spec = {
    matchConstraints: only("apps", "deployments"),
    reinvocationPolicy: "Never",
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression: `Object{
            spec: Object.spec{
              replicas: object.spec.replicas + 1,
              template: Object.spec.template{
                spec: Object.spec.template.spec{
                  containers: [Object.spec.template.spec.containers{name: "side", image: "s"}]
                }
              }
            }
          }`,
        },
      },
      {
        patchType: "JSONPatch",
        jsonPatch: {
          expression: `[
            JSONPatch{op: "test", path: "/spec/replicas", value: 3},
            JSONPatch{op: "add", path: "/metadata/labels", value: {}},
            JSONPatch{op: "add", path: "/metadata/labels/" + jsonpatch.escapeKey("example.com/key"), value: has(object.spec) ? "yes" : "no"}
          ]`,
        },
      },
    ],
  };
  await withPolicy("Mutating", spec, async () => {
    const created = await create(deployments, deployment("m", 2));
    const { replicas, template } = created.spec as {
      replicas: number;
      template: { spec: { containers: { name: string }[] } };
    };
    assert.equal(replicas, 3, String(created.message));
    assert.deepEqual(
      template.spec.containers.map(({ name }) => name),
      ["c", "side"],
    );
    assert.deepEqual(created.metadata.labels, { "example.com/key": "yes" });
    const refused = await create(deployments, deployment("m", 5));
    assert.equal(refused.code, 422);
    assert.match(
      refused.message ?? "",
      /is forbidden: policy 'p' with binding 'b' denied request: JSON Patch: /,
    );
  });
});

test("a mutating policy changes custom resources by the types of their lists", async () => {
  const schema = {
    type: "object",
    properties: {
      tags: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
      parts: {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        items: {
          type: "object",
          required: ["name"],
          properties: { name: { type: "string" }, size: { type: "integer" } },
        },
      },
    },
  };
  await defineKind(server, { plural: "models", kind: "Model", schema });
  const spec = {
    matchConstraints: only("example.com", "models"),
    reinvocationPolicy: "IfNeeded",
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: { expression: `Object{tags: ["b"], parts: [Object.parts{name: "x", size: 2}]}` },
      },
    ],
  };
  await withPolicy("Mutating", spec, async () => {
    const created = await create(kindPath("models"), {
      apiVersion: "example.com/v1",
      kind: "Model",
      metadata: { name: "m" },
      tags: ["a"],
      parts: [{ name: "x", size: 1 }, { name: "y" }],
    });
    assert.deepEqual(created.tags, ["a", "b"], String(created.message));
    assert.deepEqual(created.parts, [{ name: "x", size: 2 }, { name: "y" }]);
  });
});

for (const [literal, map] of [
  ["Object{spec: Object.spec{replicas: 1}}", '{"spec": {"replicas": 1}}'],
  // What is optional stays so: it is an element of the map that is there if its value is.
  ["Object{?spec: x}", '{?"spec": x}'],
  [
    'a ? Object{x: "Object{y: 1}"} : Object{x: [JSONPatch{op: o}]}',
    'a ? {"x": "Object{y: 1}"} : {"x": [{"op": o}]}',
  ],
  [
    "{'k': v, w: Object{metadata: c ? d : e, b: f(g, h)}}",
    `{'k': v, w: {"metadata": c ? d : e, "b": f(g, h)}}`,
  ],
] as const) {
  test(`the object literal ${literal} is a map`, () => {
    assert.equal(withoutObjectLiterals(literal), map);
  });
}

const specs = {
  ValidatingAdmissionPolicy: {
    matchConstraints: only("example.com", "nothings"),
    validations: [{ expression: "true" }],
  },
  ValidatingAdmissionPolicyBinding: { policyName: "p", validationActions: ["Deny"] },
  MutatingAdmissionPolicy: {
    matchConstraints: only("example.com", "nothings"),
    reinvocationPolicy: "Never",
    mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
  },
  MutatingAdmissionPolicyBinding: { policyName: "p" },
};
for (const { name, kind } of [
  { name: "ValidatingAdmissionPolicy API", kind: "ValidatingAdmissionPolicy" },
  { name: "ValidatingadmissionPolicyBinding API", kind: "ValidatingAdmissionPolicyBinding" },
  { name: "MutatingAdmissionPolicy API", kind: "MutatingAdmissionPolicy" },
  { name: "MutatingAdmissionPolicyBinding API", kind: "MutatingAdmissionPolicyBinding" },
] as const) {
  test(name, async () => {
    const plural = kind.endsWith("y") ? `${kind.toLowerCase().slice(0, -1)}ies` : `${kind.toLowerCase()}s`;
    const path = `${group}/${plural}`;
    const resources = await server.ok<{ resources: { name: string; verbs: string[] }[] }>("GET", group);
    const verbs = resources.resources.find((each) => each.name === plural)?.verbs;
    for (const verb of ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
      assert.ok(verbs?.includes(verb), verb);
    const body = (objectName: string) => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind,
      metadata: { name: objectName, labels: { of: "test" } },
      spec: specs[kind],
    });
    const watch = await server.watch(path, { labelSelector: "of=test" });
    const created = await server.ok("POST", path, { body: body("one") });
    await server.ok("POST", path, { body: body("two") });
    const query = { labelSelector: "of=test" };
    assert.deepEqual(namesOf(await server.ok<KubeList>("GET", path, { query })), ["one", "two"]);
    const metadata = { ...created.metadata, annotations: { updated: "yes" } };
    await server.ok("PUT", `${path}/one`, { body: { ...created, metadata } });
    const patched = await server.ok("PATCH", `${path}/one`, {
      headers: { "content-type": "application/merge-patch+json" },
      body: { metadata: { annotations: { patched: "yes" } } },
    });
    assert.deepEqual(patched.metadata.annotations, { updated: "yes", patched: "yes" });
    await server.ok("DELETE", `${path}/one`);
    await server.ok("DELETE", path, { query });
    const types: string[] = [];
    while (types.length < 6) types.push((await watch.next())?.type ?? "");
    assert.deepEqual(types, ["ADDED", "ADDED", "MODIFIED", "MODIFIED", "DELETED", "DELETED"]);
    watch.close();
    assert.deepEqual((await server.ok<KubeList>("GET", path, { query })).items, []);
  });
}

for (const { name, kind, spec, want } of [
  {
    name: "does not compile",
    kind: "ValidatingAdmissionPolicy",
    spec: { ...specs.ValidatingAdmissionPolicy, validations: [{ expression: "nobody" }] },
    want: "spec.validations[0].expression: Invalid value: \"nobody\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nobody' (in container '')\n | nobody\n | ^",
  },
  {
    name: "is no condition",
    kind: "ValidatingAdmissionPolicy",
    spec: { ...specs.ValidatingAdmissionPolicy, validations: [{ expression: "'a'" }] },
    want: `spec.validations[0].expression: Invalid value: "'a'": must evaluate to bool`,
  },
  {
    name: "is a mutation that asks for parameters there are none of",
    kind: "MutatingAdmissionPolicy",
    spec: {
      ...specs.MutatingAdmissionPolicy,
      mutations: [
        { patchType: "ApplyConfiguration", applyConfiguration: { expression: "Object{spec: params}" } },
      ],
    },
    want: "spec.mutations[0].applyConfiguration.expression: Invalid value: \"Object{spec: params}\": compilation failed: ERROR: <input>:1:10: undeclared reference to 'params' (in container '')\n | {\"spec\": params}\n | .........^",
  },
] as const) {
  test(`a policy whose expression ${name} is refused`, async () => {
    const status = await server.object<Status>("POST", `${group}/${kind.toLowerCase().slice(0, -1)}ies`, {
      body: { apiVersion: "admissionregistration.k8s.io/v1", kind, metadata: { name: "wrong" }, spec },
    });
    assert.equal(status.code, 422);
    const [cause] = status.details?.causes ?? [];
    assert.equal(`${cause?.field}: ${cause?.message}`, want);
  });
}
