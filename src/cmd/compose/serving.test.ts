import assert from "node:assert/strict";
import { request } from "node:https";
import { test } from "node:test";
import { connect } from "node:tls";
import { createMemoryPki } from "../../apiserver/pki/ensure-pki.ts";
import { parseUpOptions } from "../up-options.ts";
import { composeApiServer } from "./api-server.ts";
import { servedOptions } from "./test-support/options.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly object: Readonly<Record<string, unknown>>;
}

test("What flags say of serving reaches the server: browsers, keys of tokens, tolerations, node ports, TLS", async () => {
  const { auth, operation } = await parseUpOptions({
    nodes: "0",
    runtime: "sim",
    storage: "memory",
    port: "0",
    logLevel: "info",
    corsAllowedOrigins: "//pages\\.example$",
    strictTransportSecurityDirectives: "max-age=5",
    externalHostname: "api.example:443",
    serviceAccountJwksUri: "https://keys.example/set",
    defaultNotReadyTolerationSeconds: "7",
    serviceNodePortRange: "20000-20000",
    tlsMinVersion: "VersionTLS13",
  });
  const pki = await createMemoryPki({ nowMs: Date.now() });
  const served = servedOptions(pki);
  const stop = new AbortController();
  const { close, listener, ready } = await composeApiServer(
    {
      ...served,
      ...(auth && { auth }),
      ...(operation && { operation }),
    },
    stop.signal,
  );
  const send = (method: string, path: string, body?: object) =>
    new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        {
          host: "127.0.0.1",
          port: listener?.port,
          ca: pki.clusterAuthority.certificate,
          cert: pki.admin.certificate,
          key: pki.admin.key,
          method,
          path,
          agent: false,
          headers: { "content-type": "application/json", origin: "https://pages.example" },
        },
        (incoming) => {
          let text = "";
          incoming.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          incoming.on("end", () => {
            const { statusCode: status = 0, headers } = incoming;
            resolve({ status, headers, object: JSON.parse(text) });
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  await ready;

  const discovery = await send("GET", "/.well-known/openid-configuration");
  assert.equal(discovery.object.jwks_uri, "https://keys.example/set");
  assert.equal(discovery.headers["access-control-allow-origin"], "https://pages.example");
  assert.equal(discovery.headers["strict-transport-security"], "max-age=5");

  const { object: versions } = await send("GET", "/api");
  assert.deepEqual(versions.serverAddressByClientCIDRs, [
    { clientCIDR: "0.0.0.0/0", serverAddress: "api.example:443" },
  ]);

  const namespace = "/api/v1/namespaces/default";
  await send("POST", `${namespace}/serviceaccounts`, { metadata: { name: "default" } });
  const { object: pod } = await send("POST", `${namespace}/pods`, {
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "i" }] },
  });
  const { tolerations } = pod.spec as {
    readonly tolerations: readonly { readonly tolerationSeconds: number }[];
  };
  assert.deepEqual(
    tolerations.map(({ tolerationSeconds }) => tolerationSeconds),
    [7, 300],
  );

  const service = (name: string) =>
    send("POST", `${namespace}/services`, {
      metadata: { name },
      spec: { type: "NodePort", ports: [{ port: 80 }] },
    });
  const { object: first } = await service("first");
  assert.equal(
    (first.spec as { readonly ports: readonly { readonly nodePort: number }[] }).ports[0]?.nodePort,
    20_000,
  );
  assert.notEqual((await service("second")).status, 201, "the range has one port");

  const refused = await new Promise((resolve) => {
    const { port } = listener ?? {};
    const socket = connect({ host: "127.0.0.1", port, maxVersion: "TLSv1.2" }, () => resolve("taken"));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
  assert.match(String(refused), /PROTOCOL_VERSION$/);

  await close();
  stop.abort();
  await served.storage.close();
});
