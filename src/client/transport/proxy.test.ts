import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createSecureServer } from "node:http2";
import { connect, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { createAuthority, issueServingCertificate } from "../../apiserver/pki/authority.ts";
import { createClient } from "../rest-client.ts";
import { listen } from "../test-support/listen.ts";
import { createHttpsTransport } from "./https-transport.ts";
import { proxyFor } from "./proxy.ts";
import { proxyOfEnvironment } from "./proxy-environment.ts";

/** An HTTP proxy for which every name is this machine. */
async function proxy(context: TestContext, accepted?: string) {
  const asked: string[] = [];
  const server = createHttpServer((_request, response) => response.writeHead(405).end());
  server.on("connect", (request, socket: Socket, head) => {
    if (accepted !== undefined && request.headers["proxy-authorization"] !== accepted) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      return;
    }
    asked.push(request.url ?? "");
    const target = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on("error", () => socket.destroy());
    socket.on("error", () => target.destroy()).on("close", () => target.destroy());
  });
  return { port: await listen(context, server), asked };
}

/** Tells which version of HTTP it was asked with. */
async function cluster(context: TestContext) {
  const nowMs = Date.now();
  const authority = await createAuthority("test-ca", nowMs);
  const issued = await issueServingCertificate(authority, { commonName: "s" }, ["cluster.test"], { nowMs });
  const server = createSecureServer(
    { cert: issued.certificate, key: issued.key, allowHTTP1: true },
    (request, response) => {
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(`{"http":"${request.httpVersion}"}`);
    },
  );
  return { server: `https://cluster.test:${await listen(context, server)}`, ca: authority.certificate };
}

async function ask(context: TestContext, options: Parameters<typeof createHttpsTransport>[0]) {
  const client = createClient({ transport: createHttpsTransport(options) });
  context.after(() => client.close());
  return Promise.all([client.raw("/a"), client.raw("/b")]);
}

for (const [http2, version, tunnels] of [
  [true, "2.0", 1],
  [false, "1.1", 2],
] as const) {
  test(`HTTP/${version} runs through an HTTP proxy's tunnel, with TLS to the server itself`, async (context) => {
    const { port, asked } = await proxy(context);
    const options = await cluster(context);
    const told = await ask(context, { ...options, proxyUrl: `http://127.0.0.1:${port}`, http2 });
    assert.deepEqual(told, [{ http: version }, { http: version }]);
    assert.deepEqual(asked, Array(tunnels).fill(new URL(options.server).host));
  });
}

test("An HTTP proxy is told the user name and the password of its URL; one that refuses is named", async (context) => {
  const { port } = await proxy(context, `Basic ${btoa("a@b:p:w")}`);
  const options = { ...(await cluster(context)), http2: true };
  const good = { ...options, proxyUrl: `http://a%40b:p%3Aw@127.0.0.1:${port}` };
  assert.deepEqual((await ask(context, good))[0], { http: "2.0" });
  await assert.rejects(
    ask(context, { ...options, proxyUrl: `http://127.0.0.1:${port}` }),
    /proxy 127\.0\.0\.1:\d+: cannot connect to cluster\.test:\d+: 407 Proxy Authentication Required/,
  );
});

for (const [server, environment, want] of [
  ["https://a.test:6443", { HTTPS_PROXY: "http://p:1", HTTP_PROXY: "http://q:1" }, "http://p:1"],
  ["http://a.test", { HTTPS_PROXY: "http://p:1", http_proxy: "q:1" }, "http://q:1"],
  ["https://a.test", { https_proxy: "socks5://p:1" }, "socks5://p:1"],
  ["https://a.test", { HTTPS_PROXY: "p", NO_PROXY: "*" }, undefined],
  ["https://a.test", { HTTPS_PROXY: "p", NO_PROXY: "b.test, A.test" }, undefined],
  ["https://x.a.test", { HTTPS_PROXY: "p", no_proxy: "a.test" }, undefined],
  ["https://xa.test", { HTTPS_PROXY: "p", NO_PROXY: "a.test" }, "http://p"],
  ["https://a.test", { HTTPS_PROXY: "p", NO_PROXY: ".a.test" }, "http://p"],
  ["https://x.a.test", { HTTPS_PROXY: "p", NO_PROXY: "*.a.test" }, undefined],
  ["https://a.test:6443", { HTTPS_PROXY: "p", NO_PROXY: "a.test:443" }, "http://p"],
  ["https://a.test", { HTTPS_PROXY: "p", NO_PROXY: "a.test:443" }, undefined],
  ["https://10.1.2.3", { HTTPS_PROXY: "p", NO_PROXY: "10.0.0.0/8" }, undefined],
  ["https://11.1.2.3", { HTTPS_PROXY: "p", NO_PROXY: "10.0.0.0/8,a.test/8" }, "http://p"],
  ["https://10.1.2.3:6443", { HTTPS_PROXY: "p", NO_PROXY: "10.1.2.3" }, undefined],
  ["https://[fd00::1]:6443", { HTTPS_PROXY: "p", NO_PROXY: "fd00::/8" }, undefined],
  ["https://[fd00::1]", { HTTPS_PROXY: "p", NO_PROXY: "fd00::1" }, undefined],
  ["https://a.test", {}, undefined],
] as const) {
  const said = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  test(`The proxy to ${server} with ${said.join(" ") || "nothing set"} is ${want ?? "none"}`, () => {
    assert.equal(proxyOfEnvironment(new URL(server), environment), want);
  });
}

test("A proxy-url that is no URL is refused in words", () => {
  assert.throws(
    () => proxyFor({ proxyUrl: "proxy:3128/" }, new URL("https://a.test")),
    /proxy-url: unsupported scheme proxy, must be http, https, or socks5/,
  );
  assert.throws(() => proxyFor({ proxyUrl: "//p" }, new URL("https://a.test")), /"\/\/p" is not a URL/);
});
