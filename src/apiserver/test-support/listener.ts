import type { IncomingHttpHeaders } from "node:http";
import { request as requestHttps } from "node:https";
import { schemas } from "../../api/schemas.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { silentLogger } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { createAuthenticator } from "../authentication/create-authenticator.ts";
import { forBrowsers } from "../browser-policy.ts";
import { type Listener, type ListenerOptions, listen } from "../http/listener.ts";
import type { KubeletIdentity } from "../http/upgrade.ts";
import { createYamlParser } from "../http/yaml-parser.ts";
import { createMemoryPki, type Pki } from "../pki/ensure-pki.ts";
import type { TestServer, TestServerOptions } from "./server.ts";
import { openStages, startTestServer } from "./server.ts";

/** A test server behind HTTPS on a free port, with client certificates checked. */
export interface TestListener {
  readonly test: TestServer;
  readonly listener: Listener;
  readonly pki: Pki;
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface SendOptions {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without a certificate the client is anonymous. */
  readonly anonymous?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export async function startTestListener(
  options: TestServerOptions & {
    readonly kubelet?: (pki: Pki) => KubeletIdentity;
    /** Of the listener alone. */
    readonly edge?: Partial<ListenerOptions>;
  } = {},
): Promise<TestListener> {
  const pki = await createMemoryPki({ nowMs: Date.now() });
  const protobuf = createProtobufCodec(schemas);
  const kubelet = options.kubelet?.(pki);
  const test = await startTestServer({
    ...options,
    stages: options.stages ?? {
      ...openStages,
      authenticator: createAuthenticator({ tokens: { authenticateToken: async () => undefined } }),
    },
    dependencies: { protobuf, parseYaml: createYamlParser(), ...options.dependencies },
  });
  const { browsers } = options.edge ?? {};
  const listener = await listen({
    server: test.server,
    ...(browsers && { gate: forBrowsers(test.server, browsers, { random: seededRandom(2) }) }),
    certificate: pki.serving.certificate,
    privateKey: pki.serving.key,
    clientAuthorities: [pki.clusterAuthority.certificate],
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
    protobuf,
    ...(kubelet === undefined ? {} : { kubelet }),
    ...options.edge,
  });
  return {
    test,
    listener,
    pki,
    send: (method, path, send = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = requestHttps(
          {
            host: "127.0.0.1",
            port: listener.port,
            ca: pki.clusterAuthority.certificate,
            ...(send.anonymous === true ? {} : { cert: pki.admin.certificate, key: pki.admin.key }),
            method,
            path,
            headers: {
              ...send.headers,
              // Node leaves the length out where a method needs no body.
              ...(send.body === undefined ? {} : { "content-length": Buffer.byteLength(send.body) }),
            },
            agent: false,
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.on("error", reject);
            incoming.on("end", () => {
              const bytes = Buffer.concat(chunks);
              resolve({
                status: incoming.statusCode ?? 0,
                headers: incoming.headers,
                bytes,
                text: bytes.toString(),
              });
            });
          },
        );
        outgoing.on("error", reject);
        outgoing.end(send.body);
      }),
    async close() {
      await listener.close({ graceMs: 100 });
      await test.close();
    },
  };
}
