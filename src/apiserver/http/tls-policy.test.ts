import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { silentLogger } from "../../base/log.ts";
import { startTestListener } from "../test-support/listener.ts";
import type { ListenerOptions } from "./listener.ts";
import { listen } from "./listener.ts";
import { type TlsFlags, tlsPolicy } from "./tls-policy.ts";

/** What a handshake comes to. */
async function shake(edge: Partial<ListenerOptions>, client: ConnectionOptions): Promise<string> {
  const { listener, pki, close } = await startTestListener({ edge });
  try {
    return await new Promise((resolve) => {
      const ca = pki.clusterAuthority.certificate;
      const socket = connectTls({ host: "127.0.0.1", port: listener.port, ca, ...client }, () => {
        const { name, type } = socket.getEphemeralKeyInfo() as { name?: string; type?: string }; // of a client's socket
        const key = name ?? type ?? "";
        resolve([socket.getProtocol(), socket.getCipher().name, key, socket.alpnProtocol].join(" "));
        socket.destroy();
      });
      socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(`${code}`));
    });
  } finally {
    await close();
  }
}

const nothing: TlsFlags = { minVersion: "VersionTLS12", cipherSuites: [], curves: [] };
const oldest: ConnectionOptions = {
  minVersion: "TLSv1",
  maxVersion: "TLSv1",
  ciphers: "DEFAULT:@SECLEVEL=0",
};
const older: ConnectionOptions = { maxVersion: "TLSv1.2" };
const allCurves = "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024:X25519:P-256:P-384:P-521";
const tooOld = /PROTOCOL_VERSION$/;

for (const { name, flags, client, want } of [
  { name: "TLS 1.0 is refused unless said", flags: {}, client: oldest, want: tooOld },
  {
    name: "TLS 1.0 is taken where said",
    flags: { minVersion: "VersionTLS10" },
    client: oldest,
    want: /^TLSv1 /,
  },
  {
    name: "TLS 1.0 is refused where 1.1 is the least",
    flags: { minVersion: "VersionTLS11" },
    client: oldest,
    want: tooOld,
  },
  {
    name: "TLS 1.3 is taken where 1.0 is",
    flags: { minVersion: "VersionTLS10" },
    client: {},
    want: /^TLSv1.3 /,
  },
  {
    name: "TLS 1.2 is refused where 1.3 is the least",
    flags: { minVersion: "VersionTLS13" },
    client: older,
    want: tooOld,
  },
  {
    name: "Of suites the server chooses, in Go's order",
    flags: {
      cipherSuites: ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
    },
    client: older,
    want: /^TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 /,
  },
  {
    name: "A suite that is not named is not taken",
    flags: { cipherSuites: ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"] },
    client: { ...older, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
    want: /HANDSHAKE_FAILURE$/,
  },
  {
    name: "The suites of TLS 1.3 are taken whatever is named",
    flags: { cipherSuites: ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"] },
    client: { ciphers: "TLS_CHACHA20_POLY1305_SHA256" },
    want: /^TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 /,
  },
  {
    name: "Where only suites of TLS 1.3 are named nothing older is spoken",
    flags: { cipherSuites: ["TLS_AES_128_GCM_SHA256"] },
    client: older,
    want: tooOld,
  },
  ...[
    [4588, "X25519MLKEM768"],
    [4587, "SecP256r1MLKEM768"],
    [4589, "SecP384r1MLKEM1024"],
    [29, "X25519"],
    [23, "prime256v1"],
    [24, "secp384r1"],
    [25, "secp521r1"],
  ].map(([id, curve]) => ({
    name: `Go's curve ${id} is ${curve}`,
    flags: { curves: [Number(id)] },
    client: { ecdhCurve: allCurves },
    want: new RegExp(`^TLSv1.3 \\S+ ${curve} `),
  })),
  {
    name: "A curve that is not named is not taken",
    flags: { curves: [23] },
    client: { ecdhCurve: "P-384" },
    want: /HANDSHAKE_FAILURE$/,
  },
])
  test(name, async () => {
    const tls = tlsPolicy({ ...nothing, ...flags }, { http2: false });
    assert.match(await shake({ tls }, client), want);
  });

const both: ConnectionOptions = { ALPNProtocols: ["h2", "http/1.1"] };
test("HTTP/2 is spoken unless it is switched off; who speaks nothing else is turned away then", async () => {
  assert.match(await shake({}, both), / h2$/);
  assert.match(await shake({ http1Only: true }, both), / http\/1\.1$/);
  assert.match(await shake({ http1Only: true }, { ALPNProtocols: ["h2"] }), /NO_APPLICATION_PROTOCOL$/);
});

for (const { name, edge, want } of [
  { name: "250 requests", edge: {}, want: 250 },
  { name: "as many requests as a flag says", edge: { maxStreams: 7 }, want: 7 },
])
  test(`A connection over HTTP/2 takes ${name} at once`, async () => {
    const { listener, pki, close } = await startTestListener({ edge });
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      ca: pki.clusterAuthority.certificate,
    });
    const [{ maxConcurrentStreams }] = await once(session, "remoteSettings");
    session.close();
    await close();
    assert.equal(maxConcurrentStreams, want);
  });

for (const sharesPort of [true, false])
  test(`A second server ${sharesPort ? "may" : "may not"} listen on a port that is ${sharesPort ? "" : "not "}shared`, async () => {
    const { listener, pki, test: server, close } = await startTestListener({ edge: { sharesPort } });
    const { serving, clusterAuthority } = pki;
    const second = await listen({
      server: server.server,
      certificate: serving.certificate,
      privateKey: serving.key,
      clientAuthorities: [clusterAuthority.certificate],
      host: listener.host,
      port: listener.port,
      logger: silentLogger,
      sharesPort,
    }).catch(({ code }: NodeJS.ErrnoException) => code);
    if (typeof second === "object") await second.close({ graceMs: 0 });
    await close();
    assert.equal(
      typeof second === "object" ? second.port : second,
      sharesPort ? listener.port : "EADDRINUSE",
    );
  });
