import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { after, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { unauthorized } from "../../apimachinery/api-error.ts";
import { requestedTimeoutMs } from "../request-deadline.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import { openStages } from "../test-support/server.ts";

for (const { text, want } of [
  { text: "", want: undefined },
  { text: "timeout=", want: undefined },
  { text: "timeout=0s", want: undefined },
  { text: "timeout=-3s", want: undefined },
  { text: "timeout=1500ms", want: 1500 },
  { text: "timeout=1m30s", want: 90_000 },
  {
    text: "timeout=5",
    want: 'invalid timeout specified in the request URL - time: missing unit in duration "5"',
  },
  {
    text: "timeout=soon",
    want: 'invalid timeout specified in the request URL - time: invalid duration "soon"',
  },
] as const)
  test(`A query of "${text}" asks for ${want ?? "the server's own timeout"}`, () => {
    const wanted = requestedTimeoutMs(new URLSearchParams(text));
    assert.equal(wanted instanceof Error ? wanted.message : wanted, want);
  });

/** Creates of config maps are never admitted, nor refused. */
const endless: AdmissionPlugin = {
  name: "Endless",
  handles: (operation) => operation === "CREATE",
  validate: ({ signal }) =>
    new Promise<void>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    }),
};
const stages = {
  ...openStages,
  authenticator: { authenticate: () => ({ name: "jane", groups: ["system:masters"] }) },
  admission: [endless],
};

const patient = await startTestListener({ stages, edge: { headersTimeoutMs: 200, goawayChance: 1 } });
const hurried = await startTestListener({ stages, edge: { requestTimeoutMs: 200 } });
const closed = await startTestListener({
  stages: {
    ...openStages,
    authenticator: {
      authenticate() {
        throw unauthorized();
      },
    },
  },
});
after(async () => {
  await closed.close();
  await patient.close();
  await hurried.close();
});

const maps = "/api/v1/namespaces/default/configmaps";
const timedOut = "Timeout: request did not complete within the allotted timeout";
const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } });
const headers = { "content-type": "application/json" };

for (const { name, listener, query } of [
  { name: "the server's own", listener: hurried, query: "" },
  { name: "what it asks for where that is less", listener: patient, query: "?timeout=100ms" },
  { name: "the server's own where it asks for more", listener: hurried, query: "?timeout=1h" },
])
  test(`A request that takes too long is answered with 504; its time is ${name}`, async () => {
    const answer = await listener.send("POST", maps + query, { body, headers });
    assert.deepEqual(
      [answer.status, JSON.parse(answer.text)],
      [
        504,
        {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message: timedOut,
          reason: "Timeout",
          details: {},
          code: 504,
        },
      ],
    );
  });

test("A timeout that is none is refused", async () => {
  const answer = await patient.send("GET", `${maps}?timeout=soon`);
  assert.deepEqual([answer.status, JSON.parse(answer.text).reason], [400, "BadRequest"]);
});

/** What comes back on a connection that is sent so much and no more, until the server ends it. */
function halfSent({ pki, listener }: TestListener, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls(
      {
        host: "127.0.0.1",
        port: listener.port,
        ca: pki.clusterAuthority.certificate,
        ALPNProtocols: ["http/1.1"],
      },
      () => socket.write(bytes),
    );
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

test("A body that does not come ends with 504, and its connection with it", async () => {
  const text = await halfSent(
    hurried,
    `POST ${maps} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
  );
  assert.match(text, /^HTTP\/1\.1 504 /);
  assert.ok(text.includes(timedOut));
});

test("Headers that do not come end their connection", async () => {
  const text = await halfSent(patient, `GET ${maps} HTTP/1.1\r\nhost: x\r\n`);
  assert.match(text, /^HTTP\/1\.1 (408|400) /);
});

for (const { name, listener, headers, want } of [
  { name: "A goaway", listener: patient, headers: { authorization: "Bearer x" }, want: 200 },
  { name: "That nobody says who they are", listener: hurried, headers: {}, want: 200 },
  { name: "A refusal of credentials", listener: closed, headers: { authorization: "Bearer x" }, want: 401 },
])
  test(`${name} leaves the request its answer, and takes no further one on the connection`, async () => {
    const session = connectHttp2(`https://127.0.0.1:${listener.listener.port}`, {
      ca: listener.pki.clusterAuthority.certificate,
    });
    const goaway = new Promise<void>((resolve) => session.once("goaway", () => resolve()));
    const status = await new Promise<number>((resolve, reject) => {
      const stream = session.request({ ":path": "/version", ...headers });
      stream.once("response", (answer) => resolve(Number(answer[":status"])));
      stream.once("error", reject);
      stream.resume();
      stream.end();
    });
    assert.equal(status, want);
    await goaway;
    session.destroy();
  });

test("A client with a certificate keeps its connection", async () => {
  const { pki, listener } = hurried;
  const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
    ca: pki.clusterAuthority.certificate,
    cert: pki.admin.certificate,
    key: pki.admin.key,
  });
  let goaways = 0;
  session.on("goaway", () => goaways++);
  await new Promise<void>((resolve, reject) => {
    session.request({ ":path": "/version" }).once("close", resolve).once("error", reject).resume();
  });
  // What was sent before the answer to it has come before it.
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)));
  });
  assert.equal(goaways, 0);
  session.destroy();
});

test("A handshake that fails is counted", async () => {
  const { requests } = hurried.test.server.metrics;
  const before = requests.tlsHandshakeErrors;
  await new Promise<void>((resolve) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: hurried.listener.port,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  while (requests.tlsHandshakeErrors === before) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(requests.tlsHandshakeErrors, before + 1);
});
