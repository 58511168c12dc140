import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import {
  createAuthority,
  issueClientCertificate,
  issueServingCertificate,
} from "../../apiserver/pki/authority.ts";
import { createClient } from "../rest-client.ts";
import { inClusterConnection } from "./connect.ts";
import { connectionOf } from "./connection.ts";
import { certificateFiles, tokenFile } from "./credentials.ts";
import { createHttpsTransport, type HttpsTransportOptions } from "./https-transport.ts";

const nowMs = Date.now();

/** A server whose certificate can be replaced, the folder where clients find what to believe, and who was there. */
async function rotating(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-rotation-"));
  let seconds = 0;
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    await utimes(join(folder, name), ++seconds, seconds);
  };
  const told: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    told.push(headers.authorization);
    response.setHeader("connection", "close").end("ok");
  });
  const replace = async () => {
    const authority = await createAuthority(`ca-${seconds}`, nowMs);
    const issued = await issueServingCertificate(authority, { commonName: "s" }, ["127.0.0.1"], { nowMs });
    server.setSecureContext({ cert: issued.certificate, key: issued.key });
    return authority.certificate;
  };
  await write("ca.crt", await replace());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  });
  return { folder, write, replace, told, port: (server.address() as AddressInfo).port };
}

function clientFor(context: TestContext, options: HttpsTransportOptions) {
  const client = createClient({ transport: createHttpsTransport(options) });
  context.after(() => client.close());
  return client;
}

const minuteMs = 60_000;

test("An authority that is replaced in its file is believed within a minute, and a half-written file changes nothing", async (context) => {
  const { folder, write, replace, port } = await rotating(context);
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    "certificate-authority": join(folder, "ca.crt"),
  };
  const client = clientFor(context, await connectionOf({ cluster, user: {}, namespace: "n" }));
  assert.deepEqual(await client.raw("/healthz"), { text: "ok" });
  context.mock.timers.enable({ apis: ["Date"], now: nowMs });
  await write("ca.crt", "-----BEGIN CERT");
  context.mock.timers.tick(minuteMs);
  assert.deepEqual(await client.raw("/healthz"), { text: "ok" });
  await write("ca.crt", await replace());
  await assert.rejects(client.raw("/healthz"), /self-signed|unable to verify/);
  context.mock.timers.tick(minuteMs);
  assert.deepEqual(await client.raw("/healthz"), { text: "ok" });
});

test("In a pod the service account's token and authority are followed as they are rotated", async (context) => {
  const { folder, write, replace, told, port } = await rotating(context);
  await write("token", "first\n");
  await write("namespace", "shop");
  const pod = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) };
  const connection = await inClusterConnection(pod, folder);
  assert.ok(connection !== undefined);
  assert.equal(connection.namespace, "shop");
  const client = clientFor(context, connection.transport);
  context.mock.timers.enable({ apis: ["Date"], now: nowMs });
  await client.raw("/healthz");
  await write("token", "second\n");
  await write("ca.crt", await replace());
  context.mock.timers.tick(minuteMs);
  await client.raw("/healthz");
  assert.deepEqual(told, ["Bearer first", "Bearer second"]);
});

test("Without the address of a service there is no pod; a pod without a token says what may be wrong", async (context) => {
  const { folder } = await rotating(context);
  assert.equal(
    await inClusterConnection({ KUBERNETES_SERVICE_HOST: "", KUBERNETES_SERVICE_PORT: "" }),
    undefined,
  );
  const pod = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  await assert.rejects(inClusterConnection(pod, folder), /is automountServiceAccountToken false/);
});

test("Credentials are not sent over a network without TLS", async () => {
  const options = (server: string) =>
    connectionOf({ cluster: { server }, user: { token: "secret" }, namespace: "n" });
  assert.equal((await options("http://cluster.test:8080")).credentials, undefined);
  assert.equal(await (await options("http://127.0.0.1:8080")).credentials?.authorization(), "Bearer secret");
  assert.equal(await (await options("https://cluster.test")).credentials?.authorization(), "Bearer secret");
});

for (const [name, cluster, message] of [
  ["a server without a scheme", { server: "host:6443" }, /server "host:6443" is not a URL such as https:/],
  [
    "an authority that is not there",
    { server: "https://a", "certificate-authority": "/nowhere/ca.crt" },
    /cannot read certificate-authority: ENOENT.*\/nowhere\/ca\.crt/,
  ],
  [
    "an authority that is no PEM",
    { server: "https://a", "certificate-authority-data": btoa("x") },
    /certificate-authority-data holds no PEM/,
  ],
] as const) {
  test(`A kubeconfig with ${name} is refused`, async () => {
    await assert.rejects(connectionOf({ cluster, user: {}, namespace: "n" }), message);
  });
}

test("A plugin is not run for a user who has a token, a password or a certificate, as in client-go", async () => {
  const exec = {
    command: "/nowhere/login",
    apiVersion: "client.authentication.k8s.io/v1",
    interactiveMode: "Never",
  } as const;
  const { credentials } = await connectionOf({
    cluster: { server: "https://a" },
    user: { exec, token: "t" },
    namespace: "n",
  });
  assert.equal(await credentials?.authorization(), "Bearer t");
});

test("While a token's file is away the last token is good for every request, and the new one as soon as it is there", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-rotation-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "token");
  const credentials = tokenFile(path);
  await assert.rejects(credentials.authorization(), /cannot read .*ENOENT/);
  await writeFile(path, "first");
  assert.equal(await credentials.authorization(), "Bearer first");
  context.mock.timers.enable({ apis: ["Date"], now: nowMs + 2 * minuteMs });
  await rm(path);
  for (let request = 0; request < 3; request++)
    assert.equal(await credentials.authorization(), "Bearer first");
  await writeFile(path, "second");
  await utimes(path, 1, 1);
  assert.equal(await credentials.authorization(), "Bearer second");
});

test("A client certificate is taken with its own key: between the writing of the two the last pair is good", async (context) => {
  const { folder, write } = await rotating(context);
  const authority = await createAuthority("clients", nowMs);
  const pairs = await Promise.all(
    ["a", "b"].map((commonName) => issueClientCertificate(authority, { commonName }, { nowMs })),
  );
  const put = async (name: "certificate" | "key", pair: number) => write(name, pairs[pair]?.[name] ?? "");
  await put("certificate", 0);
  await put("key", 0);
  const credentials = certificateFiles(join(folder, "certificate"), join(folder, "key"));
  const held = async () => {
    const found = await credentials.clientCertificate();
    return pairs.findIndex(({ certificate, key }) => found?.cert === certificate && found.key === key);
  };
  assert.equal(await held(), 0);
  context.mock.timers.enable({ apis: ["Date"], now: nowMs + 2 * minuteMs });
  await put("certificate", 1);
  assert.equal(await held(), 0);
  assert.equal(await held(), 0);
  await put("key", 1);
  assert.equal(await held(), 1);
});
