import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";
import { startWebhookServer, type WebhookServer } from "./test-support/webhook-server.ts";

const registration = "/apis/admissionregistration.k8s.io/v1";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const delayMs = 2500;

type Kind = "Mutating" | "Validating";
interface Hook {
  readonly name: string;
  readonly path: string;
  readonly resource: string;
  readonly group?: string;
  readonly operations?: readonly string[];
  /** Instead of all objects of the test's own namespace. */
  readonly more?: object;
}

const configMap = (name: string, data: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const disallowed = { "webhook-e2e-test": "webhook-disallow" };
const start = { "mutation-start": "yes" };
const firstStage = { ...start, "mutation-stage-1": "yes" };
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };

function suite({ api, cluster, named }: Suite): void {
  let server: WebhookServer;
  before(async () => {
    server = await startWebhookServer(cluster().pki.serving, { delayMs });
  });
  after(() => server.close());

  /** A test's namespaces, and its way to register webhooks for them and for nothing else. */
  const prepare = async (name: string) => {
    const unique = named(`webhook-${name}`);
    const namespace = await api().namespace(unique, { [unique]: "true" });
    const markers = await api().namespace(`${unique}-markers`, { [`${unique}-markers`]: "true" });
    const webhook = ({
      name: hook,
      path,
      resource,
      group = "",
      operations = ["CREATE"],
      more = {},
    }: Hook) => ({
      name: `${hook}.k8s.io`,
      rules: [{ operations, apiGroups: [group], apiVersions: ["*"], resources: [resource] }],
      clientConfig: {
        url: server.url + path,
        caBundle: btoa(cluster().pki.clusterAuthority.certificate),
      },
      sideEffects: "None",
      admissionReviewVersions: ["v1", "v1beta1"],
      namespaceSelector: { matchLabels: { [unique]: "true" } },
      ...more,
    });
    const configuration = (kind: Kind, hooks: readonly Hook[], metadata: object = {}) => ({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: `${kind}WebhookConfiguration`,
      metadata: { name: unique, ...metadata },
      webhooks: [
        ...hooks.map(webhook),
        {
          ...webhook({
            name: "is-webhook-configuration-ready",
            path: "/always-deny",
            resource: "configmaps",
          }),
          failurePolicy: "Ignore",
          namespaceSelector: { matchLabels: { [`${unique}-markers`]: "true" } },
          objectSelector: { matchLabels: { [unique]: "true" } },
        },
      ],
    });
    const collection = (kind: Kind) => `${registration}/${kind.toLowerCase()}webhookconfigurations`;
    let count = 0;
    const ready = () =>
      eventually("the configuration is in use", async () => {
        const body = {
          ...configMap(`marker-${count++}`),
          metadata: { name: `marker-${count}`, labels: { [unique]: "true" } },
        };
        const { status, object } = await api().send("POST", `${markers}/configmaps`, { body });
        if (status >= 400) assert.match((object as { message: string }).message, /denied/);
        return status >= 400;
      });
    const register = async (kind: Kind, hooks: readonly Hook[]) => {
      const made = await api().create(collection(kind), configuration(kind, hooks));
      await ready();
      return made;
    };
    const unregister = (kind: Kind) => api().delete(`${collection(kind)}/${unique}`);
    return {
      unique,
      namespace,
      maps: `${namespace}/configmaps`,
      collection,
      configuration,
      register,
      unregister,
      ready,
    };
  };
  const refused = async (method: "POST" | "PUT" | "DELETE", path: string, body?: object) =>
    (await api().refused(method, path, body === undefined ? {} : { body })).message ?? "";

  test("Admission webhook, discovery document", async () => {
    const { groups } = await api().get<{ groups: { name: string; versions: { version: string }[] }[] }>(
      "/apis",
    );
    const group = groups.find(({ name }) => name === "admissionregistration.k8s.io");
    assert.ok(group?.versions.some(({ version }) => version === "v1"));
    const own = await api().get<{ name: string; versions: { version: string }[] }>(
      "/apis/admissionregistration.k8s.io",
    );
    assert.equal(own.name, "admissionregistration.k8s.io");
    const list = await api().get<{ groupVersion: string; resources: { name: string }[] }>(registration);
    assert.equal(list.groupVersion, "admissionregistration.k8s.io/v1");
    for (const kind of ["mutating", "validating"])
      assert.ok(list.resources.some(({ name }) => name === `${kind}webhookconfigurations`));
  });

  test("Admission webhook, deny create: pods and config maps that are not wanted, hanging ones, changed ones", async () => {
    const { unique, namespace, maps, register, unregister } = await prepare("deny");
    await register("Validating", [
      { name: "deny-unwanted-pod", path: "/pods", resource: "pods", more: { timeoutSeconds: 1 } },
      {
        name: "deny-unwanted-configmap-data",
        path: "/configmaps",
        resource: "configmaps",
        operations: ["CREATE", "UPDATE", "DELETE"],
        more: {
          namespaceSelector: {
            matchLabels: { [unique]: "true" },
            matchExpressions: [{ key: "skip-webhook-admission", operator: "NotIn", values: ["yes"] }],
          },
        },
      },
      {
        name: "fail-open",
        path: "/configmaps",
        resource: "configmaps",
        more: { failurePolicy: "Ignore", clientConfig: { url: `${server.url}/configmaps` } },
      },
    ]);
    const pod = (name: string, container: string, labels: object) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels },
      spec: { containers: [{ name: container, image: "pause" }] },
    });
    const message = await refused(
      "POST",
      `${namespace}/pods`,
      pod("disallowed-pod", "webhook-disallow", disallowed),
    );
    assert.match(message, /the pod contains unwanted container name/);
    assert.match(message, /the pod contains unwanted label/);
    const late = await refused("POST", `${namespace}/pods`, pod("hanging-pod", "wait-forever", {}));
    assert.match(late, /webhook.*deadline/);
    assert.ok(await api().isGone(`${namespace}/pods/hanging-pod`));
    const unwanted = /the configmap contains unwanted key and value/;
    assert.match(await refused("POST", maps, configMap("disallowed-configmap", disallowed)), unwanted);
    const made = await api().create(maps, configMap("allowed-configmap", { admit: "this" }));
    assert.match(
      await refused("PUT", `${maps}/allowed-configmap`, { ...made, data: { admit: "this", ...disallowed } }),
      unwanted,
    );
    const patched = await api().refused("PATCH", `${maps}/allowed-configmap`, {
      body: { data: disallowed },
      headers: { "content-type": "application/strategic-merge-patch+json" },
    });
    assert.match(patched.message ?? "", unwanted);
    const skipped = await api().namespace(`${unique}-exempted`, {
      [unique]: "true",
      "skip-webhook-admission": "yes",
    });
    await api().create(`${skipped}/configmaps`, configMap("disallowed-configmap", disallowed));
    await unregister("Validating");
  });

  test("Admission webhook, deny attach", async () => {
    const { namespace, register, unregister } = await prepare("attach");
    await register("Validating", [
      { name: "deny-attaching-pod", path: "/pods/attach", resource: "pods/attach", operations: ["CONNECT"] },
    ]);
    await api().create(`${namespace}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "to-be-attached-pod" },
      spec: { containers: [{ name: "container1", image: "pause" }] },
    });
    await eventually("the pod runs", async () => {
      const { status } = await api().get<{ status: { phase: string } }>(
        `${namespace}/pods/to-be-attached-pod`,
      );
      return status.phase === "Running";
    });
    const { status, object, text } = await api().send("POST", `${namespace}/pods/to-be-attached-pod/attach`, {
      query: { container: "container1", stdin: "true", stdout: "true" },
    });
    assert.ok(status >= 400);
    assert.match(JSON.stringify(object) ?? text, /attaching to pod 'to-be-attached-pod' is not allowed/);
    await unregister("Validating");
  });

  /** Defines a kind whose objects any data may be in, unless a schema is given. */
  const define = async (name: string, schema: object = open) => {
    const group = named(`${name}.example.com`);
    const singular = `e2e-test-webhook-${name}`;
    const version = (of: string, storage: boolean) => ({
      name: of,
      served: true,
      storage,
      schema: { openAPIV3Schema: schema },
    });
    const crd = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${singular}s.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: {
          plural: `${singular}s`,
          singular,
          kind: `E2e-test-webhook-${name}`,
          listKind: `${singular}List`,
        },
        versions: [version("v1", true), version("v2", false)],
      },
    };
    await api().create(definitions, crd);
    const path = (namespace: string, of = "v1") =>
      `${namespace.replace("/api/v1", `/apis/${group}/${of}`)}/${singular}s`;
    await eventually("the kind is served", async () => {
      const { status } = await api().send("GET", path("/api/v1/namespaces/default", "v2"));
      return status === 200;
    });
    const custom = (of: string, data: object) => ({
      apiVersion: `${group}/v1`,
      kind: crd.spec.names.kind,
      metadata: { name: of },
      data,
    });
    return { crd, group, plural: `${singular}s`, path, custom, version };
  };

  test("Admission webhook, deny custom resource create and delete", async () => {
    const { namespace, register, unregister } = await prepare("custom");
    const { group, plural, path, custom } = await define("denied");
    await register("Validating", [
      {
        name: "deny-unwanted-custom-resource-data",
        path: "/custom-resource",
        resource: plural,
        group,
        operations: ["CREATE", "UPDATE", "DELETE"],
      },
    ]);
    const unwanted = /the custom resource contains unwanted data/;
    assert.match(await refused("POST", path(namespace), custom("cr-instance-1", disallowed)), unwanted);
    const kept = { "webhook-e2e-test": "webhook-nondeletable" };
    const made = await api().create(path(namespace), custom("cr-instance-2", kept));
    const one = `${path(namespace)}/cr-instance-2`;
    assert.match(await refused("PUT", one, { ...made, data: disallowed }), unwanted);
    assert.match(
      await refused("DELETE", one),
      /the custom resource cannot be deleted because it contains unwanted key and value/,
    );
    await api().update(one, { ...made, data: { "webhook-e2e-test": "webhook-allow" } });
    await api().delete(one);
    await unregister("Validating");
  });

  test("Admission webhook, fail closed", async () => {
    const { unique, register, unregister } = await prepare("closed");
    const closed = [{ key: "fail-closed-webhook", operator: "In", values: ["yes"] }];
    await register("Validating", [
      {
        name: "fail-closed",
        path: "/configmaps",
        resource: "configmaps",
        more: {
          failurePolicy: "Fail",
          // Without the authority its certificate is nobody's.
          clientConfig: { url: `${server.url}/configmaps` },
          namespaceSelector: { matchLabels: { [unique]: "true" }, matchExpressions: closed },
        },
      },
    ]);
    // The suite makes no root authority's map a condition: it could not be made here.
    await api().create("/api/v1/namespaces", {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: `${unique}-fail`, labels: { [unique]: "true", "fail-closed-webhook": "yes" } },
    });
    const status = await api().refused("POST", `/api/v1/namespaces/${unique}-fail/configmaps`, {
      body: configMap("foo"),
    });
    assert.deepEqual([status.code, status.reason], [500, "InternalError"]);
    await unregister("Validating");
  });

  const stage = (number: number): Hook => ({
    name: `adding-configmap-data-stage-${number}`,
    path: "/mutating-configmaps",
    resource: "configmaps",
  });

  test("Admission webhook, ordered mutation", async () => {
    const { maps, register, unregister } = await prepare("ordered");
    await register("Mutating", [stage(1), stage(2)]);
    const { data } = await api().create(maps, configMap("to-be-mutated", start));
    assert.deepEqual(data, { ...firstStage, "mutation-stage-2": "yes" });
    await unregister("Mutating");
  });

  test("Admission webhook, mutation with defaulting", async () => {
    const { namespace, register, unregister } = await prepare("defaulting");
    await register("Mutating", [{ name: "adding-init-container", path: "/mutating-pods", resource: "pods" }]);
    const { spec } = await api().create<{ spec: { initContainers: Record<string, unknown>[] } }>(
      `${namespace}/pods`,
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "webhook-to-be-mutated" },
        spec: { containers: [{ name: "example", image: "pause" }] },
      },
    );
    assert.equal(spec.initContainers.length, 1);
    assert.equal(spec.initContainers[0]?.name, "webhook-added-init-container");
    assert.equal(spec.initContainers[0]?.terminationMessagePolicy, "File");
    await unregister("Mutating");
  });

  test("Admission webhook, admission control not allowed on webhook configuration objects", async () => {
    const { unique, collection, configuration, register, unregister } = await prepare("configurations");
    const target = { group: "admissionregistration.k8s.io", resource: "*" };
    const everywhere = { namespaceSelector: {}, failurePolicy: "Fail" };
    await register("Validating", [
      { name: "deny-deletions", path: "/always-deny", operations: ["DELETE"], more: everywhere, ...target },
    ]);
    await register("Mutating", [{ name: "add-label", path: "/add-label", more: everywhere, ...target }]);
    for (const kind of ["Validating", "Mutating"] as const) {
      const dummy = configuration(kind, [{ name: "dummy", path: "", resource: "invalid" }], {
        name: `${unique}-dummy`,
      });
      const made = await api().create(collection(kind), dummy);
      assert.equal(made.metadata.labels?.["added-label"], undefined);
      await api().delete(`${collection(kind)}/${unique}-dummy`);
    }
    await unregister("Mutating");
    await unregister("Validating");
  });

  const customStages = (group: string, plural: string): Hook[] => [
    {
      name: "mutate-custom-resource-data-stage-1",
      path: "/mutating-custom-resource",
      resource: plural,
      group,
      operations: ["CREATE", "UPDATE"],
    },
    {
      name: "mutate-custom-resource-data-stage-2",
      path: "/mutating-custom-resource",
      resource: plural,
      group,
    },
  ];

  for (const { title, name, schema, want } of [
    {
      title: "Admission webhook, mutate custom resource",
      name: "mutated",
      schema: open,
      want: { ...firstStage, "mutation-stage-2": "yes" },
    },
    {
      title: "Admission webhook, mutate custom resource with pruning",
      name: "pruned",
      schema: {
        type: "object",
        properties: {
          data: {
            type: "object",
            properties: { "mutation-start": { type: "string" }, "mutation-stage-1": { type: "string" } },
          },
        },
      },
      want: firstStage,
    },
  ])
    test(title, async () => {
      const { namespace, register, unregister } = await prepare(name);
      const { group, plural, path, custom } = await define(name, schema);
      await register("Mutating", customStages(group, plural));
      const { data } = await api().create(path(namespace), custom("cr-instance-1", start));
      assert.deepEqual(data, want);
      await unregister("Mutating");
    });

  test("Admission webhook, mutate custom resource with different stored version", async () => {
    const { namespace, register, unregister } = await prepare("stored");
    const { crd, group, plural, path, custom, version } = await define("stored");
    await register("Mutating", customStages(group, plural));
    await api().create(path(namespace), custom("cr-instance-1", start));
    await api().strategic(`${definitions}/${crd.metadata.name}`, {
      spec: { versions: [version("v1", false), version("v2", true)] },
    });
    const patched = await api().ok("PATCH", `${path(namespace, "v2")}/cr-instance-1`, {
      body: [{ op: "add", path: "/dummy", value: "test" }],
      headers: { "content-type": "application/json-patch+json" },
    });
    assert.deepEqual(patched.data, { ...firstStage, "mutation-stage-2": "yes" });
    assert.equal(patched.dummy, "test");
    assert.equal(patched.apiVersion, `${group}/v2`);
    await unregister("Mutating");
  });

  test("Admission webhook, deny custom resource definition", async () => {
    const { unique, register, unregister } = await prepare("crd");
    await register("Validating", [
      {
        name: "deny-crd-with-unwanted-label",
        path: "/crd",
        resource: "customresourcedefinitions",
        group: "apiextensions.k8s.io",
        more: { namespaceSelector: {}, objectSelector: { matchLabels: { [unique]: "true" } } },
      },
    ]);
    const name = "e2e-test-webhook-deny-crd";
    const message = await refused("POST", definitions, {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${name}s.${unique}.example.com`, labels: { [unique]: "true", ...disallowed } },
      spec: {
        group: `${unique}.example.com`,
        scope: "Namespaced",
        names: {
          singular: name,
          plural: `${name}s`,
          kind: "E2e-test-webhook-deny-crd",
          listKind: "E2e-test-webhook-deny-crdList",
        },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: open } }],
      },
    });
    assert.match(message, /the crd contains unwanted label/);
    await unregister("Validating");
  });

  test("Admission webhook, honor timeout", async () => {
    const { maps, register, unregister } = await prepare("timeout");
    for (const { more, message } of [
      {
        more: { failurePolicy: "Fail", timeoutSeconds: 1 },
        message: /\/always-allow-delay\?timeout=1s": context deadline exceeded/,
      },
      { more: { failurePolicy: "Ignore", timeoutSeconds: 1 }, message: undefined },
      { more: { failurePolicy: "Fail", timeoutSeconds: 10 }, message: undefined },
      { more: { failurePolicy: "Fail" }, message: undefined },
    ]) {
      await register("Validating", [
        { name: "allow-with-delay", path: "/always-allow-delay", resource: "configmaps", more },
      ]);
      const body = configMap("e2e-test-slow-webhook-configmap");
      if (message !== undefined) assert.match(await refused("POST", maps, body), message);
      else {
        await api().create(maps, body);
        await api().delete(`${maps}/e2e-test-slow-webhook-configmap`);
      }
      await unregister("Validating");
    }
  });

  for (const { kind, hook, data, applies } of [
    {
      kind: "Validating" as const,
      hook: {
        name: "deny-unwanted-configmap-data",
        path: "/configmaps",
        resource: "configmaps",
        operations: ["CREATE", "UPDATE", "DELETE"],
      },
      data: disallowed,
      applies: (status: number) => status >= 400,
    },
    {
      kind: "Mutating" as const,
      hook: stage(1),
      data: start,
      applies: (_: number, { data }: { readonly data?: Readonly<Record<string, string>> }) =>
        data?.["mutation-stage-1"] === "yes",
    },
  ]) {
    const word = kind.toLowerCase();
    let count = 0;
    const isApplied = async (maps: string) => {
      const name = `probe-${word}-${count++}`;
      const { status, object } = await api().send("POST", maps, { body: configMap(name, data) });
      if (status < 400) await api().delete(`${maps}/${name}`);
      return applies(status, object as { data?: Record<string, string> });
    };

    test(`Admission webhook, update ${word} webhook`, async () => {
      const { unique, maps, collection, register, unregister } = await prepare(`update-${word}`);
      await register(kind, [hook]);
      await eventually("it applies", () => isApplied(maps));
      const path = `${collection(kind)}/${unique}`;
      const current = await api().get<{ webhooks: { rules: object[] }[] }>(path);
      const [first, ...rest] = current.webhooks;
      await api().update(path, {
        ...current,
        webhooks: [{ ...first, rules: [{ ...first?.rules[0], operations: ["UPDATE"] }] }, ...rest],
      });
      await eventually("it does not apply", async () => !(await isApplied(maps)));
      await api().ok("PATCH", path, {
        body: [{ op: "replace", path: "/webhooks/0/rules/0/operations", value: ["CREATE"] }],
        headers: { "content-type": "application/json-patch+json" },
      });
      await eventually("it applies again", () => isApplied(maps));
      await unregister(kind);
    });

    test(`Admission webhook, list ${word} webhooks`, async () => {
      const { unique, maps, collection, configuration, ready } = await prepare(`list-${word}`);
      const labels = { "e2e-list-test-uuid": unique };
      for (let index = 0; index < 10; index++)
        await api().create(
          collection(kind),
          configuration(kind, [hook], { name: `${unique}-${index}`, labels }),
        );
      const query = { labelSelector: `e2e-list-test-uuid=${unique}` };
      assert.equal((await api().get<KubeList>(collection(kind), query)).items.length, 10);
      await ready();
      await eventually("they apply", () => isApplied(maps));
      await api().ok("DELETE", collection(kind), { query, body: {} });
      await eventually("none applies", async () => !(await isApplied(maps)));
    });

    test(`${kind} Admission webhook, create and update ${word} webhook configuration with matchConditions`, async () => {
      const { unique, collection, configuration, unregister } = await prepare(`conditions-${word}`);
      const condition = (number: number, namespace: string) => ({
        name: `expression-${number}`,
        expression: `object.metadata.namespace == '${namespace}'`,
      });
      const one = [condition(1, "production")];
      const two = [...one, condition(2, "staging")];
      const path = `${collection(kind)}/${unique}`;
      const made = { ...hook, more: { matchPolicy: "Equivalent", matchConditions: one } };
      await api().create(collection(kind), configuration(kind, [made]));
      type Conditioned = { webhooks: { matchConditions?: object[] }[] };
      const current = await api().get<Conditioned>(path);
      assert.deepEqual(current.webhooks[0]?.matchConditions, one);
      const [first, ...rest] = current.webhooks;
      await api().update(path, { ...current, webhooks: [{ ...first, matchConditions: two }, ...rest] });
      assert.deepEqual((await api().get<Conditioned>(path)).webhooks[0]?.matchConditions, two);
      await unregister(kind);
    });

    // The suite spells one of the two so.
    test(`${kind === "Mutating" ? "Mutating" : "Validing"} Admission webhook, reject ${word} webhook configurations with invalid matchConditions`, async () => {
      const { collection, configuration } = await prepare(`invalid-${word}`);
      const more = {
        matchConditions: [{ name: "invalid-expression-1", expression: "... [] bad expression" }],
      };
      assert.match(
        await refused("POST", collection(kind), configuration(kind, [{ ...hook, more }])),
        /compilation failed/,
      );
    });
  }

  test("Mutating Admission webhook, mutating webhook excluding object with specific name", async () => {
    const { maps, register, unregister } = await prepare("skip-me");
    const matchConditions = [{ name: "skip-me", expression: "object.metadata.name != 'skip-me'" }];
    await register("Mutating", [{ ...stage(1), more: { matchConditions } }]);
    assert.deepEqual((await api().create(maps, configMap("any", start))).data, firstStage);
    assert.deepEqual((await api().create(maps, configMap("skip-me", start))).data, start);
    await unregister("Mutating");
  });
}

overBothTransports("Admission webhooks", suite, { nodes: 1 });
