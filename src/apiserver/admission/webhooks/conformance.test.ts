import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../../apimachinery/meta.ts";
import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { startAdmittingServer } from "../../test-support/admitting-server.ts";
import { namesOf, type TestServer } from "../../test-support/server.ts";
import { mutatingWebhooks, validatingWebhooks } from "./webhook-plugins.ts";

const group = "/apis/admissionregistration.k8s.io/v1";
const configMaps = "/api/v1/namespaces/default/configmaps";

interface Review {
  readonly request: { readonly uid: string; readonly object: AnyObject | null };
}

let server: TestServer;
before(async () => {
  server = await startAdmittingServer(({ client, informers, server: running }) => {
    const dependencies = {
      client,
      informers,
      authorizer: { authorize: () => ({ allowed: true, reason: "" }) },
      random: seededRandom(3),
      logger: silentLogger,
      definitionOf: (resource: { readonly group: string; readonly resource: string }) =>
        running().server.definitionOf(resource),
      transport: { post: async (_target: unknown, body: object) => answer(body as Review) },
    };
    return [mutatingWebhooks(dependencies), validatingWebhooks(dependencies)];
  });
});
after(() => server.close());

/** Adds a key to config maps and a container to pods; refuses what has unwanted data. */
function answer({ request: { uid, object } }: Review): object {
  const data = (object?.data ?? {}) as Readonly<Record<string, string>>;
  const patch =
    object?.kind === "ConfigMap"
      ? [{ op: "add", path: "/data/mutated", value: "yes" }]
      : [{ op: "add", path: "/spec/initContainers", value: [{ name: "added", image: "init" }] }];
  const allowed = data.unwanted === undefined;
  return {
    kind: "AdmissionReview",
    apiVersion: "admission.k8s.io/v1",
    response: {
      uid,
      allowed,
      ...(allowed ? {} : { status: { message: "unwanted" } }),
      ...(data.start === "yes" || object?.kind === "Pod"
        ? { patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) }
        : {}),
    },
  };
}

type Kind = "mutating" | "validating";
const collection = (kind: Kind) => `${group}/${kind}webhookconfigurations`;
const rulesFor = (resource: string, operations: readonly string[] = ["CREATE"]) => [
  { operations, apiGroups: [""], apiVersions: ["v1"], resources: [resource] },
];
const configuration = (kind: Kind, name: string, fields: object = {}) => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: `${kind === "mutating" ? "Mutating" : "Validating"}WebhookConfiguration`,
  metadata: { name, labels: { of: "test" } },
  webhooks: [
    {
      name: `${name}.example.com`,
      clientConfig: { url: "https://hooks.example/" },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      rules: rulesFor("configmaps"),
      ...fields,
    },
  ],
});

async function register(kind: Kind, name: string, fields: object = {}): Promise<AnyObject> {
  const created = await server.ok("POST", collection(kind), { body: configuration(kind, name, fields) });
  await server.clock.settle();
  return created;
}

async function removeAll(kind: Kind): Promise<void> {
  await server.ok("DELETE", collection(kind), { query: { labelSelector: "of=test" } });
  await server.clock.settle();
}

async function create(name: string, data: object): Promise<AnyObject & Status> {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
  return server.object("POST", configMaps, { body, query: { dryRun: "All" } });
}

const started = { start: "yes" };
const mutated = { start: "yes", mutated: "yes" };

/** Whether the webhooks of a kind are at work. */
async function areAtWork(kind: Kind): Promise<boolean> {
  if (kind === "mutating")
    return (await create("probe", started)).data !== undefined && isMutated(await create("probe", started));
  return (await create("probe", { unwanted: "1" })).code === 400;
}
const isMutated = (object: AnyObject) => (object.data as Readonly<Record<string, string>>).mutated === "yes";

for (const kind of ["mutating", "validating"] as const) {
  test(
    kind === "mutating"
      ? "Admission webhook, list mutating webhooks"
      : "Admission webhook, list validating webhooks",
    async () => {
      for (const name of ["one", "two"]) await register(kind, name);
      const query = { labelSelector: "of=test" };
      assert.deepEqual(namesOf(await server.ok<KubeList>("GET", collection(kind), { query })), [
        "one",
        "two",
      ]);
      assert.equal(await areAtWork(kind), true);
      await removeAll(kind);
      assert.equal(await areAtWork(kind), false);
    },
  );

  test(
    kind === "mutating"
      ? "Admission webhook, update mutating webhook"
      : "Admission webhook, update validating webhook",
    async () => {
      const created = await register(kind, "changing");
      const change = async (operation: string) => {
        const current = await server.ok("GET", `${collection(kind)}/changing`);
        const [webhook] = current.webhooks as readonly object[];
        const body = { ...current, webhooks: [{ ...webhook, rules: rulesFor("configmaps", [operation]) }] };
        await server.ok("PUT", `${collection(kind)}/changing`, { body });
        await server.clock.settle();
      };
      assert.equal(await areAtWork(kind), true);
      await change("DELETE");
      assert.equal(await areAtWork(kind), false);
      await server.ok("PATCH", `${collection(kind)}/changing`, {
        headers: { "content-type": "application/json-patch+json" },
        body: [{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["CREATE"] }],
      });
      await server.clock.settle();
      assert.equal(await areAtWork(kind), true);
      assert.equal(created.metadata.generation, 1);
      await removeAll(kind);
    },
  );
}

for (const [name, kind] of [
  [
    "Mutating Admission webhook, create and update mutating webhook configuration with matchConditions",
    "mutating",
  ],
  [
    "Validating Admission webhook, create and update validating webhook configuration with matchConditions",
    "validating",
  ],
] as const) {
  test(name, async () => {
    const first = [{ name: "expression-1", expression: "object.metadata.namespace == 'production'" }];
    const second = [...first, { name: "expression-2", expression: "object.metadata.name == 'a'" }];
    const created = await register(kind, "conditions", { matchConditions: first });
    const conditionsOf = (object: AnyObject) =>
      (object.webhooks as readonly { matchConditions: object[] }[])[0]?.matchConditions;
    assert.deepEqual(conditionsOf(created), first);
    const [webhook] = created.webhooks as readonly object[];
    const updated = await server.ok("PUT", `${collection(kind)}/conditions`, {
      body: { ...created, webhooks: [{ ...webhook, matchConditions: second }] },
    });
    assert.deepEqual(conditionsOf(updated), second);
    await removeAll(kind);
  });
}

for (const [name, kind] of [
  [
    "Mutating Admission webhook, reject mutating webhook configurations with invalid matchConditions",
    "mutating",
  ],
  [
    "Validing Admission webhook, reject validating webhook configurations with invalid matchConditions",
    "validating",
  ],
] as const) {
  test(name, async () => {
    const matchConditions = [
      { name: "expression-1", expression: "... [] bad expression" },
      { name: "expression-2", expression: "object.metadata.name" },
      { name: "expression-3", expression: "'text'" },
    ];
    const status = await server.object<Status>("POST", collection(kind), {
      body: configuration(kind, "invalid", { matchConditions }),
    });
    assert.equal(status.code, 422);
    const causes = status.details?.causes?.map(({ field, message }) => `${field}: ${message}`) ?? [];
    assert.equal(causes.length, 2);
    assert.match(
      causes[0] ?? "",
      /^webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: ".*": compilation failed: ERROR: /,
    );
    assert.match(
      causes[1] ?? "",
      /^webhooks\[0\]\.matchConditions\[2\]\.expression: .*must evaluate to bool$/,
    );
  });
}

test("Mutating Admission webhook, mutating webhook excluding object with specific name", async () => {
  const matchConditions = [{ name: "exclude", expression: "object.metadata.name != 'skip-me'" }];
  await register("mutating", "excluding", { matchConditions });
  assert.deepEqual((await create("skip-me", started)).data, started);
  assert.deepEqual((await create("mutate-me", started)).data, mutated);
  await removeAll("mutating");
});

test("Admission webhook, mutation with defaulting", async () => {
  await register("mutating", "pods", { rules: rulesFor("pods") });
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i" }] },
  };
  const pod = await server.ok("POST", "/api/v1/namespaces/default/pods", { body, query: { dryRun: "All" } });
  const [added] = (pod.spec as { initContainers: { name: string; terminationMessagePolicy: string }[] })
    .initContainers;
  assert.deepEqual([added?.name, added?.terminationMessagePolicy], ["added", "File"]);
  await removeAll("mutating");
});

test("Admission webhook, discovery document", async () => {
  const { groups } = await server.ok<{ groups: { name: string; versions: { version: string }[] }[] }>(
    "GET",
    "/apis",
  );
  const found = groups.find(({ name }) => name === "admissionregistration.k8s.io");
  assert.ok(found?.versions.some(({ version }) => version === "v1"));
  const own = await server.ok<{ versions: { version: string }[] }>(
    "GET",
    "/apis/admissionregistration.k8s.io",
  );
  assert.ok(own.versions.some(({ version }) => version === "v1"));
  const { resources } = await server.ok<{ resources: { name: string }[] }>("GET", group);
  const names = resources.map(({ name }) => name);
  assert.ok(
    names.includes("mutatingwebhookconfigurations") && names.includes("validatingwebhookconfigurations"),
  );
});
