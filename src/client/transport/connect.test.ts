import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { stringify } from "yaml";
import { type ExecConfig, resolveContext } from "../kubeconfig.ts";
import { connect, loadKubeconfig } from "./connect.ts";
import { connectionOf } from "./connection.ts";
import { execCredentials } from "./exec-credentials.ts";
import { oidcCredentials } from "./oidc-credentials.ts";

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "k8ts-connect-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function serve(context: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = { "content-type": "application/json" };

test("connect reads a kubeconfig, its token file and whom to act as", async (context) => {
  const folder = await folderOf(context);
  const server = await serve(context, (request, response) => {
    const { authorization, "impersonate-user": as } = request.headers;
    response.writeHead(200, json).end(JSON.stringify({ authorization, as, url: request.url }));
  });
  const path = join(folder, "config");
  await writeFile(join(folder, "token"), "secret\n");
  await writeFile(
    path,
    stringify({
      clusters: [{ name: "c", cluster: { server: `${server}/prefix/` } }],
      users: [{ name: "u", user: { tokenFile: "token", as: "alice" } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "shop" } }],
      "current-context": "x",
    }),
  );
  const { client, namespace } = await connect({ kubeconfig: path });
  context.after(() => client.close());
  assert.equal(namespace, "shop");
  assert.deepEqual(await client.raw("/version"), {
    authorization: "Bearer secret",
    as: "alice",
    url: "/prefix/version",
  });
});

test("loading several kubeconfigs leaves out the absent ones; a single one must exist", async (context) => {
  const folder = await folderOf(context);
  const present = join(folder, "present");
  await writeFile(present, stringify({ "current-context": "x" }));
  assert.equal((await loadKubeconfig([join(folder, "absent"), present])).currentContext, "x");
  await assert.rejects(loadKubeconfig([join(folder, "absent")]), /cannot read the kubeconfig .*absent/);
});

/** A plugin that counts its runs in a file and prints a token with that number. */
async function plugin(context: TestContext, body: string): Promise<ExecConfig> {
  const folder = await folderOf(context);
  const command = join(folder, "plugin");
  await writeFile(command, `#!/bin/sh\ncd ${folder}\necho run >> runs\n${body}\n`);
  await chmod(command, 0o755);
  return { command, apiVersion: "client.authentication.k8s.io/v1", provideClusterInfo: true };
}

const printToken = (expires: string) =>
  `printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"${expires}}}' $(wc -l < runs)`;

test("an exec plugin is run once for many requests, and again after its token was refused", async (context) => {
  const credentials = execCredentials(await plugin(context, printToken("")), { server: "https://c" });
  const many = await Promise.all(Array.from({ length: 5 }, () => credentials.authorization()));
  assert.deepEqual(new Set(many), new Set(["Bearer t1"]));
  assert.equal(await credentials.clientCertificate(), undefined);
  assert.equal(credentials.rejected(), true);
  assert.equal(await credentials.authorization(), "Bearer t2");
});

const expiring = (time: string) => printToken(`,"expirationTimestamp":"${time}"`);

for (const { name, leftMs, want } of [
  { name: "run again once its token has expired", leftMs: -1, want: "Bearer t2" },
  { name: "not run for each request in the last seconds of its token", leftMs: 5000, want: "Bearer t1" },
]) {
  test(`an exec plugin is ${name}`, async (context) => {
    const nowMs = Date.UTC(2026, 0, 1);
    context.mock.timers.enable({ apis: ["Date"], now: nowMs });
    const body = expiring(new Date(nowMs + leftMs).toISOString());
    const credentials = execCredentials(await plugin(context, body), { server: "https://c" });
    assert.equal(await credentials.authorization(), "Bearer t1");
    assert.equal(await credentials.authorization(), want);
  });
}

test("an exec plugin is told the cluster where that was asked for", async (context) => {
  const body = `printf '%s' "$KUBERNETES_EXEC_INFO" | grep -q '"server":"https://c"' && ${printToken("")}`;
  const credentials = execCredentials(await plugin(context, body), { server: "https://c" });
  assert.equal(await credentials.authorization(), "Bearer t1");
});

for (const [name, body, message] of [
  ["fails", "exit 3", /ended with exit code 3/],
  ["prints something else", "echo hello", /did not print JSON/],
  ["prints an expiry that is no time", expiring("soon"), /printed the expirationTimestamp soon/],
  ["prints another version", `echo '{"apiVersion":"v0"}'`, /printed version v0/],
  [
    "prints nothing useful",
    `echo '{"apiVersion":"client.authentication.k8s.io/v1","status":{}}'`,
    /neither a token nor a certificate/,
  ],
] as const) {
  test(`an exec plugin that ${name} is named in the error`, async (context) => {
    const credentials = execCredentials(await plugin(context, body), { server: "https://c" });
    await assert.rejects(credentials.authorization(), message);
  });
}

test("an exec plugin that is not installed says how to install it", async () => {
  const credentials = execCredentials(
    {
      command: "/nonexistent/plugin",
      apiVersion: "client.authentication.k8s.io/v1",
      installHint: "get it there",
    },
    { server: "https://c" },
  );
  await assert.rejects(credentials.authorization(), /get it there/);
});

const jwt = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;
const stale = jwt(1);
const fresh = jwt(4_000_000_000);

/** An OpenID provider that takes each refresh token once, and what it was asked for. */
async function provider(context: TestContext, { takesHeader = true } = {}) {
  const asked: string[] = [];
  const issuer: string = await serve(context, async (request, response) => {
    if (request.method === "GET") {
      response.writeHead(200, json).end(JSON.stringify({ token_endpoint: `${issuer}/token` }));
      return;
    }
    let form = "";
    for await (const chunk of request) form += String(chunk);
    const { authorization = "" } = request.headers;
    asked.push(authorization === "" ? form : `${form} ${atob(authorization.slice("Basic ".length))}`);
    if (authorization !== "" && !takesHeader) response.writeHead(401, json).end("{}");
    else response.writeHead(200, json).end(JSON.stringify({ id_token: fresh, refresh_token: "r2" }));
  });
  const config = {
    "idp-issuer-url": issuer,
    "client-id": "k8ts",
    "id-token": stale,
    "refresh-token": "r1",
  };
  return { asked, config };
}

test("an OIDC token is renewed with its refresh token when it has expired", async (context) => {
  const { asked, config } = await provider(context);
  const credentials = oidcCredentials(config);
  assert.equal(await credentials.authorization(), `Bearer ${fresh}`);
  assert.equal(await credentials.authorization(), `Bearer ${fresh}`);
  assert.deepEqual(asked, ["grant_type=refresh_token&refresh_token=r1&client_id=k8ts"]);
});

for (const { name, takesHeader, want } of [
  {
    name: "in the header, where providers take it",
    takesHeader: true,
    want: ["grant_type=refresh_token&refresh_token=r1 k8ts:a%2Fb"],
  },
  {
    name: "in the form to one that does not take the header",
    takesHeader: false,
    want: [
      "grant_type=refresh_token&refresh_token=r1 k8ts:a%2Fb",
      "grant_type=refresh_token&refresh_token=r1&client_id=k8ts&client_secret=a%2Fb",
    ],
  },
]) {
  test(`an OIDC client's secret is sent ${name}`, async (context) => {
    const { asked, config } = await provider(context, { takesHeader });
    const credentials = oidcCredentials({ ...config, "client-secret": "a/b" });
    assert.equal(await credentials.authorization(), `Bearer ${fresh}`);
    assert.deepEqual(asked, want);
  });
}

test("an OIDC provider without an issuer or a client is refused", () => {
  assert.throws(() => oidcCredentials({ "client-id": "a" }), /must have idp-issuer-url/);
  assert.throws(() => oidcCredentials({ "idp-issuer-url": "https://i" }), /must have client-id/);
});

for (const { name, isLocked } of [
  {
    name: "are saved in the file that the user came from, and nothing else of it is changed",
    isLocked: false,
  },
  { name: "are used even where they could not be saved, with a warning", isLocked: true },
]) {
  test(`renewed OIDC tokens ${name}`, async (context) => {
    const folder = await folderOf(context);
    const server = await serve(context, ({ headers }, response) => {
      response.writeHead(200, json).end(JSON.stringify(headers.authorization));
    });
    const { config } = await provider(context);
    const user = (tokens: object) => ({
      "auth-provider": { name: "oidc", config: { ...config, ...tokens } },
    });
    const textOf = (tokens: object) =>
      `# mine\n${stringify(
        {
          users: [
            { name: "other", user: {} },
            { name: "u", user: user(tokens) },
          ],
        },
        { lineWidth: 0 },
      )}`;
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const contexts = [{ name: "x", context: { cluster: "c", user: "u" } }];
    const clusters = [{ name: "c", cluster: { server } }];
    await writeFile(first, stringify({ clusters, contexts, "current-context": "x" }));
    await writeFile(second, textOf({}), { mode: 0o600 });
    if (isLocked) await writeFile(`${second}.lock`, "");
    const warning = new Promise<Error>((resolve) => process.once("warning", resolve));
    const options = await connectionOf(resolveContext(await loadKubeconfig([first, second])));
    assert.equal(await options.credentials?.authorization(), `Bearer ${fresh}`);
    const renewed = isLocked ? {} : { "id-token": fresh, "refresh-token": "r2" };
    assert.equal(await readFile(second, "utf8"), textOf(renewed));
    assert.equal((await stat(second)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["first", "second", ...(isLocked ? ["second.lock"] : [])]);
    if (isLocked)
      assert.match((await warning).message, /second: the renewed OIDC tokens were not saved: EEXIST/);
  });
}
