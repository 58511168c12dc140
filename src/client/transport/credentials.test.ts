import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import type { TLSSocket } from "node:tls";
import { stringify } from "yaml";
import {
  createAuthority,
  issueClientCertificate,
  issueServingCertificate,
} from "../../apiserver/pki/authority.ts";
import type { KubeconfigCluster, KubeconfigUser } from "../kubeconfig.ts";
import { createClient } from "../rest-client.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import { connectionOf } from "./connection.ts";
import { execCredentials } from "./exec-credentials.ts";
import { createHttpsTransport } from "./https-transport.ts";

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-credentials-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function listen(
  context: TestContext,
  server: Server & { closeAllConnections(): void },
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that answers with the headers that it was sent. */
const echo: RequestListener = ({ headers, headersDistinct }, response) => {
  const told = { ...headers, "impersonate-group": headersDistinct["impersonate-group"] };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
};

/** What a server is told by a client made from this user of a kubeconfig. */
async function toldBy(context: TestContext, user: KubeconfigUser, options: ConnectOptions = {}) {
  const port = await listen(context, createServer(echo));
  const folder = await folderOf(context);
  const kubeconfig = join(folder, "config");
  await writeFile(join(folder, "token"), "from-file\n");
  await writeFile(join(folder, "empty"), "\n");
  await writeFile(
    kubeconfig,
    stringify({
      clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    }),
  );
  const { client } = await connect({ kubeconfig, ...options });
  context.after(() => client.close());
  return (await client.raw("/version")) as Record<string, unknown>;
}

for (const [name, user, options, want] of [
  ["a token", { token: "t" }, {}, { authorization: "Bearer t" }],
  [
    "a token file before a token",
    { token: "t", tokenFile: "token" },
    {},
    { authorization: "Bearer from-file" },
  ],
  ["a token where its file is away", { token: "t", tokenFile: "gone" }, {}, { authorization: "Bearer t" }],
  ["a token where its file is empty", { token: "t", tokenFile: "empty" }, {}, { authorization: "Bearer t" }],
  ["a name and a password", { username: "a", password: "b" }, {}, { authorization: "Basic YTpi" }],
  ["a token before a name and a password", { token: "t", username: "a" }, {}, { authorization: "Bearer t" }],
  ["nothing at all", {}, {}, { authorization: undefined }],
  [
    "whom to act as",
    { as: "eve", "as-uid": "7", "as-groups": ["a", "b"], "as-user-extra": { scope: ["x"] } },
    {},
    {
      "impersonate-user": "eve",
      "impersonate-uid": "7",
      "impersonate-group": ["a", "b"],
      "impersonate-extra-scope": "x",
    },
  ],
  [
    "whom to act as, before what the kubeconfig says",
    { as: "eve", "as-groups": ["a"] },
    { impersonate: { user: "bob" } },
    { "impersonate-user": "bob", "impersonate-group": undefined },
  ],
] as const) {
  test(`A kubeconfig's user can be ${name}`, async (context) => {
    const told = await toldBy(context, user, options);
    for (const [header, value] of Object.entries(want)) assert.deepEqual(told[header], value, header);
  });
}

const exec = {
  command: "login",
  apiVersion: "client.authentication.k8s.io/v1",
  interactiveMode: "Never",
} as const;

for (const [name, user, cluster, message] of [
  ["an exec plugin without a command", { exec: { ...exec, command: "" } }, {}, /command must be specified/],
  ["one without a version", { exec: { ...exec, apiVersion: "" } }, {}, /apiVersion must be specified/],
  [
    "one of a version that is gone",
    { exec: { ...exec, apiVersion: "client.authentication.k8s.io/v1alpha1" } },
    {},
    /exec plugin "login": invalid apiVersion "client\.authentication\.k8s\.io\/v1alpha1"/,
  ],
  [
    "one of v1 that does not say whether it asks",
    { exec: { command: "login", apiVersion: exec.apiVersion } },
    {},
    /interactiveMode must be specified/,
  ],
  [
    "one beside an auth provider",
    { exec, "auth-provider": { name: "oidc" } },
    {},
    /auth-provider cannot be given/,
  ],
  [
    "an auth provider that is gone",
    { "auth-provider": { name: "gcp" } },
    {},
    /"gcp" is no longer supported; use exec/,
  ],
  [
    "half a client certificate",
    { "client-certificate-data": "eA==" },
    {},
    /needs both its certificate and its key/,
  ],
  ["groups to act in without a user to act as", { "as-groups": ["a"] }, {}, /need a user to act as/],
  [
    "an authority that is not to be looked at",
    {},
    { "certificate-authority-data": "eA==", "insecure-skip-tls-verify": true },
    /a certificate authority together with insecure-skip-tls-verify is not allowed/,
  ],
] as const) {
  test(`A kubeconfig with ${name} is refused`, async () => {
    const withServer: KubeconfigCluster & { server: string } = { server: "https://c", ...cluster };
    await assert.rejects(connectionOf({ cluster: withServer, user, namespace: "default" }), message);
  });
}

test("A v1beta1 exec plugin need not say whether it asks; one that must ask is refused without a terminal", async () => {
  const user = { exec: { command: "/nonexistent", apiVersion: "client.authentication.k8s.io/v1beta1" } };
  const { credentials } = await connectionOf({
    cluster: { server: "https://c" },
    user,
    namespace: "default",
  });
  await assert.rejects(async () => credentials?.authorization(), /could not be run/);
  const asking = execCredentials({ ...exec, interactiveMode: "Always" }, { server: "https://c" });
  if (process.stdin.isTTY !== true) await assert.rejects(asking.authorization(), /needs a terminal/);
});

test("Of many requests that are refused at once only the first has the plugin run again", async (context) => {
  const folder = await folderOf(context);
  const command = join(folder, "plugin");
  const answer = `{"apiVersion":"${exec.apiVersion}","kind":"ExecCredential","status":{"token":"t%s"}}`;
  await writeFile(command, `#!/bin/sh\ncd ${folder}\necho run >> runs\nprintf '${answer}' $(wc -l < runs)\n`);
  await chmod(command, 0o755);
  let accepted = "Bearer t1";
  const port = await listen(
    context,
    createServer((request, response) => {
      response.writeHead(request.headers.authorization === accepted ? 200 : 401).end("ok");
    }),
  );
  const credentials = execCredentials({ ...exec, command }, { server: "https://c" });
  const client = createClient({
    transport: createHttpsTransport({ server: `http://127.0.0.1:${port}`, credentials }),
  });
  context.after(() => client.close());
  await client.raw("/healthz");
  accepted = "Bearer t2";
  await Promise.all(Array.from({ length: 8 }, () => client.raw("/healthz")));
  assert.equal(await credentials.authorization(), "Bearer t2");
});

test("A client certificate that was renewed in its files is used once the old one is refused", async (context) => {
  const nowMs = Date.now();
  const authority = await createAuthority("test-ca", nowMs);
  const serving = await issueServingCertificate(authority, { commonName: "s" }, ["127.0.0.1"], { nowMs });
  const folder = await folderOf(context);
  const paths = { "client-certificate": join(folder, "tls.crt"), "client-key": join(folder, "tls.key") };
  const renew = async (commonName: string, seconds: number) => {
    const { certificate, key } = await issueClientCertificate(authority, { commonName }, { nowMs });
    await writeFile(paths["client-certificate"], certificate);
    await writeFile(paths["client-key"], key);
    for (const path of Object.values(paths)) await utimes(path, seconds, seconds);
  };
  let accepted = "first";
  const tls = { cert: serving.certificate, key: serving.key, ca: authority.certificate, requestCert: true };
  const port = await listen(
    context,
    createTlsServer(tls, (request, response) => {
      const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN;
      response.writeHead(name === accepted ? 200 : 401).end(name);
    }),
  );
  await renew("first", 1);
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    "certificate-authority-data": Buffer.from(authority.certificate).toString("base64"),
  };
  const options = await connectionOf({ cluster, user: paths, namespace: "default" });
  const client = createClient({ transport: createHttpsTransport(options) });
  context.after(() => client.close());
  assert.deepEqual(await client.raw("/who"), { text: "first" });
  await renew("second", 2);
  accepted = "second";
  assert.deepEqual(await client.raw("/who"), { text: "second" });
});

test("The environment's proxy is used for servers elsewhere, never for one on this machine", async (context) => {
  const seen: string[] = [];
  const port = await listen(
    context,
    createServer((request, response) => {
      seen.push(request.url ?? "");
      response.end("proxied");
    }),
  );
  const { HTTP_PROXY, NO_PROXY } = process.env;
  process.env.HTTP_PROXY = `http://127.0.0.1:${port}`;
  delete process.env.NO_PROXY;
  context.after(() => {
    for (const [name, value] of Object.entries({ HTTP_PROXY, NO_PROXY }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  const ask = async (server: string) => {
    const { headers: _headers, ...options } = await connectionOf({
      cluster: { server },
      user: {},
      namespace: "n",
    });
    const client = createClient({ transport: createHttpsTransport(options) });
    context.after(() => client.close());
    return client.raw("/healthz");
  };
  assert.deepEqual(await ask("http://cluster.test:8080"), { text: "proxied" });
  const local = await listen(
    context,
    createServer((_request, response) => void response.end("straight")),
  );
  assert.deepEqual(await ask(`http://127.0.0.1:${local}`), { text: "straight" });
  assert.deepEqual(seen, ["http://cluster.test:8080/healthz"]);
});
