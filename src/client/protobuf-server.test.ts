import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import * as resources from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import type { AnyObject, KubeObject, ResourceType } from "../apimachinery/meta.ts";
import { inProcessTransport } from "../apiserver/in-process.ts";
import { startTestListener } from "../apiserver/test-support/listener.ts";
import { admin } from "../apiserver/test-support/server.ts";
import { silentLogger } from "../base/log.ts";
import { systemClock } from "../base/system-clock.ts";
import { systemRandom } from "../base/system-random.ts";
import type { ApiRequest, ApiResponse, Transport } from "./exchange.ts";
import { createInformerFactory } from "./informer-factory.ts";
import { createClient } from "./rest-client.ts";
import { certificate } from "./transport/credentials.ts";
import { createHttpsTransport } from "./transport/https-transport.ts";

const { configMaps, namespaces, pods, secrets } = resources;

/** The real API server behind HTTPS, and what its answers were encoded in. */
async function setUp(context: TestContext, { http2 }: { readonly http2: boolean }) {
  const { listener, pki, test: server, close } = await startTestListener();
  const inner = createHttpsTransport({
    server: `https://127.0.0.1:${listener.port}`,
    ca: pki.clusterAuthority.certificate,
    credentials: certificate({ cert: pki.admin.certificate, key: pki.admin.key }),
    http2,
  });
  const types: string[] = [];
  const transport: Transport = {
    async send(request: ApiRequest): Promise<ApiResponse> {
      const response = await inner.send(request);
      types.push(String(response.headers["content-type"]).split(";")[0] ?? "");
      return response;
    },
    close: () => inner.close(),
  };
  const direct = createClient({ transport: inProcessTransport(server.server, admin) });
  context.after(async () => {
    await transport.close();
    await close();
  });
  await direct.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" }, spec: {} });
  return {
    direct,
    types,
    client: createClient({ transport, clock: systemClock }),
    jsonClient: createClient({ transport, clock: systemClock, encoding: "json" }),
  };
}

const configMap = (name: string, data: Readonly<Record<string, string>>) => ({
  ...{ apiVersion: "v1", kind: "ConfigMap" },
  metadata: { name, namespace: "a", labels: { half: name } },
  data,
});

const podOf = (name: string) => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "a" } },
  spec: {
    containers: [
      {
        name: "c",
        image: "nginx",
        ports: [{ containerPort: 80 }],
        resources: { requests: { cpu: "100m" } },
        livenessProbe: { httpGet: { port: "http", path: "/é" } },
      },
    ],
    volumes: [{ name: "v", emptyDir: {} }],
  },
});

for (const http2 of [false, true]) {
  test(`lists of every kind say the same in protobuf as in JSON (HTTP/${http2 ? 2 : 1.1})`, async (context) => {
    const { client, jsonClient, direct, types } = await setUp(context, { http2 });
    await direct.create(configMaps, configMap("c", { text: "é 𝒳", empty: "" }));
    await direct.create(secrets, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "a" } },
      data: { key: "AQL/" },
    });
    await direct.create(pods, podOf("p"));
    let compared = 0;
    for (const type of Object.values(resources) as ResourceType<KubeObject>[]) {
      const inJson = await jsonClient.list(type).catch((error: unknown) => {
        // Some kinds can only be created.
        if (isApiError(error, "MethodNotAllowed") || isApiError(error, "NotFound")) return undefined;
        throw error;
      });
      if (inJson === undefined) continue;
      types.length = 0;
      const { items } = await client.list(type);
      assert.deepEqual(types, ["application/vnd.kubernetes.protobuf"], type.resource);
      const plain = (objects: readonly object[]) =>
        objects.map((object) => JSON.parse(JSON.stringify(object)));
      assert.deepEqual(plain(items), plain(inJson.items), type.resource);
      compared += items.length;
    }
    assert.ok(compared >= 4, `only ${compared} objects`);
  });

  test(`an informer follows the real API server in protobuf (HTTP/${http2 ? 2 : 1.1})`, async (context) => {
    const { client, direct, types } = await setUp(context, { http2 });
    await direct.create(configMaps, configMap("first", { step: "0" }));
    const factory = createInformerFactory({
      ...{ client, clock: systemClock, random: systemRandom, logger: silentLogger },
    });
    const informer = factory.informer(configMaps, { namespace: "a" });
    const metadata = factory.informer(configMaps, { namespace: "a", metadataOnly: true });
    const seen: string[] = [];
    const deleted = new Promise<void>((resolve) => {
      informer.addHandler({
        added: ({ metadata: { name }, data }) => void seen.push(`+${name} ${data?.step}`),
        updated: (old, { metadata: { name }, data }) =>
          void seen.push(`${name} ${old.data?.step}-${data?.step}`),
        deleted: ({ metadata: { name }, data }) => {
          seen.push(`-${name} ${data?.step}`);
          resolve();
        },
      });
    });
    const abort = new AbortController();
    factory.start(abort.signal);
    await factory.waitForSync();
    await direct.create(configMaps, configMap("second", { step: "1" }));
    await direct.update(configMaps, configMap("second", { step: "2" }));
    await direct.delete(configMaps, { namespace: "a", name: "first" });
    await deleted;
    assert.deepEqual(seen, ["+first 0", "+second 1", "second 1-2", "-first 0"]);
    const { items } = await direct.list(configMaps, { namespace: "a" });
    assert.deepEqual(informer.lister.list(), items);
    for (const object of metadata.lister.list())
      assert.deepEqual(Object.keys(object).sort(), ["apiVersion", "kind", "metadata"]);
    assert.deepEqual(new Set(types), new Set(["application/vnd.kubernetes.protobuf"]));
    abort.abort();
  });
}

test("custom kinds, and a client that is told to, come in JSON", async (context) => {
  const { client, jsonClient, types } = await setUp(context, { http2: false });
  const things: ResourceType<AnyObject> = {
    ...{ group: "example.com", version: "v1", resource: "things", kind: "Thing", namespaced: true },
  };
  await assert.rejects(client.list(things), (error) => isApiError(error, "NotFound"));
  await jsonClient.list(pods);
  assert.deepEqual(new Set(types).has("application/vnd.kubernetes.protobuf"), false);
});

test("what the server refuses of a list in protobuf is the same error", async (context) => {
  const { client } = await setUp(context, { http2: false });
  await assert.rejects(client.list(pods, { labelSelector: "a in (" }), (error) =>
    isApiError(error, "BadRequest"),
  );
  await assert.rejects(client.list(pods, { continue: "nonsense", limit: 1 }), (error) => isApiError(error));
});
