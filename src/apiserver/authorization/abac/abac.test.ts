import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationAttributes } from "../../stages.ts";
import { createAuthorizer } from "../create-authorizer.ts";
import { staticInformers } from "../static-informers.ts";
import { abacAuthorizer } from "./abac-authorizer.ts";
import { parsePolicyFile } from "./policy-file.ts";

const version = "abac.authorization.kubernetes.io/v1beta1";
const line = (spec: object) => JSON.stringify({ apiVersion: version, kind: "Policy", spec });

const file = await parsePolicyFile(
  [
    "# who may do what",
    "",
    line({ user: "alice", namespace: "*", resource: "*", apiGroup: "*" }),
    line({ user: "bob", namespace: "shop", resource: "pods", readonly: true }),
    line({ group: "devs", namespace: "shop", resource: "deployments", apiGroup: "apps" }),
    line({ user: "carol", group: "devs", nonResourcePath: "/healthz" }),
    line({ user: "*", readonly: true, nonResourcePath: "/version/*" }),
    line({ namespace: "*", resource: "*", apiGroup: "*", nonResourcePath: "*" }),
    JSON.stringify({ user: "dave", readonly: true }),
    JSON.stringify({ user: "erin", resource: "pods", namespace: "shop" }),
  ].join("\n"),
  "policy.jsonl",
);
const authorizer = createAuthorizer({
  informers: staticInformers({}),
  synced: async () => {},
  chain: () => [abacAuthorizer(file.policies), "RBAC"],
});

type Ask = Partial<Omit<AuthorizationAttributes, "user">> & {
  readonly user: string;
  readonly groups?: readonly string[];
};

function request({ user, groups = [], ...rest }: Ask): AuthorizationAttributes {
  return {
    user: { name: user, groups: ["system:authenticated", ...groups] },
    verb: "get",
    isResourceRequest: rest.path === undefined,
    apiGroup: "",
    apiVersion: "v1",
    resource: rest.path === undefined ? "pods" : "",
    subresource: "",
    namespace: rest.path === undefined ? "shop" : "",
    name: "",
    path: "",
    ...rest,
  };
}

const asks: readonly { readonly name: string; readonly ask: Ask; readonly allowed: boolean }[] = [
  {
    name: "a user with stars everything of the API",
    ask: { user: "alice", verb: "delete", namespace: "" },
    allowed: true,
  },
  { name: "that user no path outside of it", ask: { user: "alice", path: "/metrics" }, allowed: false },
  { name: "a reader to read", ask: { user: "bob", verb: "watch" }, allowed: true },
  { name: "a reader not to write", ask: { user: "bob", verb: "update" }, allowed: false },
  { name: "a reader nothing elsewhere", ask: { user: "bob", namespace: "bank" }, allowed: false },
  {
    name: "the core group where no group is said",
    ask: { user: "bob", apiGroup: "metrics.k8s.io" },
    allowed: false,
  },
  {
    name: "a group what its line says",
    ask: { user: "x", groups: ["devs"], verb: "patch", apiGroup: "apps", resource: "deployments" },
    allowed: true,
  },
  {
    name: "user and group together",
    ask: { user: "carol", groups: ["devs"], path: "/healthz" },
    allowed: true,
  },
  {
    name: "not the user alone where a group is said",
    ask: { user: "carol", path: "/healthz" },
    allowed: false,
  },
  {
    name: "only the path itself",
    ask: { user: "carol", groups: ["devs"], path: "/healthz/x" },
    allowed: false,
  },
  { name: "paths below a star", ask: { user: "x", path: "/version/more" }, allowed: true },
  { name: "not the path above it", ask: { user: "x", path: "/version" }, allowed: false },
  { name: "nothing by a line that names nobody", ask: { user: "x", path: "/metrics" }, allowed: false },
  {
    name: "a line without a version everywhere",
    ask: { user: "dave", apiGroup: "apps", resource: "x" },
    allowed: true,
  },
  { name: "such a line paths too", ask: { user: "dave", path: "/metrics" }, allowed: true },
  { name: "no paths by one with a resource", ask: { user: "erin", path: "/metrics" }, allowed: false },
];

for (const { name, ask, allowed } of asks)
  test(`ABAC allows ${name}`, async () => {
    const decision = await authorizer.authorize(request(ask));
    assert.equal(decision.allowed, allowed);
    if (allowed) assert.deepEqual(decision.decidedBy, { type: "ABAC", name: "abac" });
    else assert.equal(decision.reason, "No policy matched.");
  });

test("ABAC tells a user's rules, and how many lines have no version", async () => {
  assert.equal(file.unversioned, 2);
  const user = { name: "bob", groups: ["system:authenticated"] };
  const { rules, incomplete } = await authorizer.rulesFor(user, "shop");
  assert.deepEqual(rules, [{ verbs: ["get", "list", "watch"], apiGroups: [""], resources: ["pods"] }]);
  assert.equal(incomplete, false);
});

// The words of a kube-apiserver v1.36.2 that was given these lines.
for (const [text, why] of [
  [
    "foo",
    'couldn\'t get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
  ],
  ['{"kind":"Policy"', "couldn't get version/kind; json parse error: unexpected end of JSON input"],
  [
    JSON.stringify({ apiVersion: version, kind: "Policy", spec: { user: 3 } }),
    "json: cannot unmarshal number into Go struct field PolicySpec.spec.user of type string",
  ],
  ['{"user":7}', "json: cannot unmarshal number into Go struct field Policy.user of type string"],
  [
    '{"apiVersion":"v1","kind":"Pod","user":"x"}',
    'no kind "Pod" is registered for version "v1" in scheme "pkg/apis/abac/register.go:33"',
  ],
  [
    JSON.stringify({ apiVersion: version, kind: "Other" }),
    `no kind "Other" is registered for version "${version}" in scheme "pkg/apis/abac/register.go:33"`,
  ],
] as const)
  test(`ABAC refuses the line ${text}`, async () => {
    await assert.rejects(parsePolicyFile(`# one\n${text}\n`, "/p"), {
      message: `error reading policy file /p, line 2: ${text}: ${why}`,
    });
  });
