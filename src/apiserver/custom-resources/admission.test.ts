import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { mutatingWebhooks, validatingWebhooks } from "../admission/webhooks/webhook-plugins.ts";
import { startAdmittingServer } from "../test-support/admitting-server.ts";
import type { TestServer } from "../test-support/server.ts";
import { defineKind, definitionBody, kindPath } from "./test-support.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const merge = { "content-type": "application/merge-patch+json" };

interface Review {
  readonly request: {
    readonly uid: string;
    readonly object: AnyObject | null;
    readonly oldObject: AnyObject | null;
  };
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
      transport: {
        post: async (target: { readonly url: string }, body: object) =>
          answer(new URL(target.url).pathname.slice(1), body as Review),
      },
    };
    return [mutatingWebhooks(dependencies), validatingWebhooks(dependencies)];
  });
});
after(() => server.close());

/** The webhooks of the conformance suite's image, in short. */
function answer(name: string, { request }: Review): object {
  const data = (request.object?.data ?? request.oldObject?.data ?? {}) as Readonly<Record<string, string>>;
  const patch: object[] = [];
  let allowed = true;
  if (name === "deny") allowed = data["webhook-e2e-test"] !== "webhook-disallow";
  if (name === "deny-crd")
    allowed = request.object?.metadata.labels?.["webhook-e2e-test"] !== "webhook-disallow";
  if (name === "mutate-1" && data["mutation-start"] === "yes")
    patch.push({ op: "add", path: "/data/mutation-stage-1", value: "yes" });
  if (name === "mutate-2" && data["mutation-stage-1"] === "yes")
    patch.push({ op: "add", path: "/data/mutation-stage-2", value: "yes" });
  return {
    kind: "AdmissionReview",
    apiVersion: "admission.k8s.io/v1",
    response: {
      uid: request.uid,
      allowed,
      ...(allowed ? {} : { status: { message: "the custom resource contains unwanted data" } }),
      ...(patch.length === 0 ? {} : { patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) }),
    },
  };
}

async function register(
  kind: "Mutating" | "Validating",
  names: readonly string[],
  resource: string,
  apiGroup = "example.com",
): Promise<void> {
  const body = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: `${resource}-${kind.toLowerCase()}` },
    webhooks: names.map((name) => ({
      name: `${name}.example.com`,
      clientConfig: { url: `https://hooks.example/${name}` },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      rules: [
        {
          operations: ["CREATE", "UPDATE", "DELETE"],
          apiGroups: [apiGroup],
          apiVersions: ["*"],
          resources: [resource],
        },
      ],
    })),
  };
  await server.ok(
    "POST",
    `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`,
    { body },
  );
  await server.clock.settle();
}

const object = (kind: string, name: string, data: object) => ({
  apiVersion: "example.com/v1",
  kind,
  metadata: { name },
  data,
});

test("Admission webhook, deny custom resource create and delete", async () => {
  await defineKind(server, { plural: "denieds", kind: "Denied" });
  await register("Validating", ["deny"], "denieds");
  const path = kindPath("denieds");
  const unwanted = { "webhook-e2e-test": "webhook-disallow" };
  const refused = await server.object<Status>("POST", path, { body: object("Denied", "a", unwanted) });
  assert.match(
    refused.message ?? "",
    /admission webhook "deny.example.com" denied the request: the custom resource contains unwanted data/,
  );
  await server.ok("POST", path, { body: object("Denied", "b", {}) });
  const updated = await server.object<Status>("PATCH", `${path}/b`, {
    headers: merge,
    body: { data: unwanted },
  });
  assert.equal(updated.code, 400);
});

test("Admission webhook, deny custom resource definition", async () => {
  await register("Validating", ["deny-crd"], "customresourcedefinitions", "apiextensions.k8s.io");
  const body = definitionBody({ plural: "unwanteds", kind: "Unwanted" });
  const refused = await server.object<Status>("POST", definitions, {
    body: { ...body, metadata: { ...body.metadata, labels: { "webhook-e2e-test": "webhook-disallow" } } },
  });
  assert.match(refused.message ?? "", /denied the request/);
});

test("Admission webhook, mutate custom resource", async () => {
  await defineKind(server, { plural: "mutateds", kind: "Mutated" });
  await register("Mutating", ["mutate-1", "mutate-2"], "mutateds");
  const created = await server.ok("POST", kindPath("mutateds"), {
    body: object("Mutated", "a", { "mutation-start": "yes" }),
  });
  assert.deepEqual(created.data, {
    "mutation-start": "yes",
    "mutation-stage-1": "yes",
    "mutation-stage-2": "yes",
  });
});

test("Admission webhook, mutate custom resource with pruning", async () => {
  const schema = {
    type: "object",
    properties: {
      data: {
        type: "object",
        properties: { "mutation-start": { type: "string" }, "mutation-stage-1": { type: "string" } },
      },
    },
  };
  await defineKind(server, { plural: "pruneds", kind: "Pruned", schema });
  await register("Mutating", ["mutate-1", "mutate-2"], "pruneds");
  const created = await server.ok("POST", kindPath("pruneds"), {
    body: object("Pruned", "a", { "mutation-start": "yes" }),
  });
  assert.deepEqual(created.data, { "mutation-start": "yes", "mutation-stage-1": "yes" });
});

test("Admission webhook, mutate custom resource with different stored version", async () => {
  const versions = (stored: string) =>
    ["v1", "v2"].map((name) => ({
      name,
      served: true,
      storage: name === stored,
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    }));
  await defineKind(server, { plural: "movings", kind: "Moving", versions: versions("v1") });
  await register("Mutating", ["mutate-1"], "movings");
  await server.ok("POST", kindPath("movings"), { body: object("Moving", "a", { "mutation-start": "yes" }) });
  await server.ok("PATCH", `${definitions}/movings.example.com`, {
    headers: merge,
    body: { spec: { versions: versions("v2") } },
  });
  await server.clock.settle();
  const patched = await server.ok("PATCH", `${kindPath("movings")}/a`, {
    headers: merge,
    body: { data: { "mutation-start": "yes", dummy: "test" } },
  });
  assert.equal(patched.apiVersion, "example.com/v1");
  assert.deepEqual(patched.data, { "mutation-start": "yes", "mutation-stage-1": "yes", dummy: "test" });
});
