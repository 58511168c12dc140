import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { request as requestHttps } from "node:https";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { gunzipSync } from "node:zlib";
import type { KubeList } from "../../apimachinery/meta.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";

let server: TestListener;
before(async () => {
  server = await startTestListener();
});
after(() => server.close());

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };
const configMap = (name: string, data: object = {}) =>
  JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
const client = () => ({
  host: "127.0.0.1",
  port: server.listener.port,
  ca: server.pki.clusterAuthority.certificate,
  cert: server.pki.admin.certificate,
  key: server.pki.admin.key,
});

test("objects go in and come out as JSON, YAML and protobuf", async () => {
  const created = await server.send("POST", maps, { body: configMap("wire", { a: "1" }), headers: json });
  assert.equal(created.status, 201);
  assert.equal(created.headers["content-type"], "application/json");
  assert.match(created.headers["audit-id"] as string, /^[0-9a-f-]{36}$/);
  assert.equal(created.headers["cache-control"], "no-cache, private");
  const yaml = await server.send("GET", `${maps}/wire`, { headers: { accept: "application/yaml" } });
  assert.match(yaml.text, /^data:\n {2}a: "1"$/m);
  const fromYaml = await server.send("POST", maps, {
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\n",
    headers: { "content-type": "application/yaml" },
  });
  assert.equal(fromYaml.status, 201);
  const protobuf = await server.send("GET", `${maps}/wire`, {
    headers: { accept: "application/vnd.kubernetes.protobuf,application/json" },
  });
  assert.equal(protobuf.headers["content-type"], "application/vnd.kubernetes.protobuf");
  assert.equal(protobuf.bytes.subarray(0, 4).toString("latin1"), "k8s\0");
  const back = await server.send("PUT", `${maps}/wire`, {
    body: protobuf.bytes,
    headers: { "content-type": "application/vnd.kubernetes.protobuf" },
  });
  assert.equal(back.status, 200, back.text);
  assert.deepEqual(JSON.parse(back.text).data, { a: "1" });
});

test("what cannot be encoded or decoded is refused with 406 and 415", async () => {
  const refused = await server.send("GET", maps, { headers: { accept: "text/html" } });
  assert.equal(refused.status, 406);
  assert.match(JSON.parse(refused.text).message, /^406: Not Acceptable\n\nAvailable representations: /);
  const unknown = await server.send("POST", maps, { body: "x", headers: { "content-type": "text/plain" } });
  assert.equal(unknown.status, 415);
});

test("a client certificate says who asks; without one it is system:anonymous", async () => {
  const forbiddenServer = await startTestListener({
    stages: {
      authenticator: {
        authenticate: ({ clientCertificate }) => ({
          name: clientCertificate?.commonName ?? "nobody",
          groups: clientCertificate?.organizations ?? [],
        }),
      },
      authorizer: {
        authorize: ({ user }) => ({ allowed: false, reason: `${user.name} of ${user.groups.join(",")}` }),
      },
      admission: [],
    },
  });
  try {
    const anonymous = await forbiddenServer.send("GET", maps, { anonymous: true });
    assert.equal(anonymous.status, 403);
    assert.match(JSON.parse(anonymous.text).message, /nobody of/);
    // The administrator's certificate names system:masters, who may do everything.
    const admin = await forbiddenServer.send("GET", maps);
    assert.equal(admin.status, 200);
  } finally {
    await forbiddenServer.close();
  }
});

test("a long list is compressed for those who ask and is the same list", async () => {
  const path = "/api/v1/namespaces/long/configmaps";
  for (let index = 0; index < 300; index++)
    await server.send("POST", path, {
      body: configMap(`map-${index}`, { text: "x".repeat(1000) }),
      headers: json,
    });
  const plain = await server.send("GET", path);
  const list = JSON.parse(plain.text) as KubeList;
  assert.equal(list.items.length, 300);
  const compressed = await server.send("GET", path, { headers: { "accept-encoding": "gzip" } });
  assert.equal(compressed.headers["content-encoding"], "gzip");
  assert.deepEqual(JSON.parse(gunzipSync(compressed.bytes).toString()), list);
});

test("a watch streams frames and ends when the listener closes", async () => {
  const closing = await startTestListener();
  const { port } = closing.listener;
  const lines: string[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    const outgoing = requestHttps(
      {
        ...client(),
        ca: closing.pki.clusterAuthority.certificate,
        cert: closing.pki.admin.certificate,
        key: closing.pki.admin.key,
        port,
        path: `${maps}?watch=true&resourceVersion=0`,
        agent: false,
      },
      (incoming) => {
        assert.equal(incoming.headers["transfer-encoding"], "chunked");
        void closing.send("POST", maps, { body: configMap("seen"), headers: json });
        incoming.setEncoding("utf8");
        let text = "";
        incoming.on("data", (chunk: string) => {
          text += chunk;
          if (!text.includes("\n")) return;
          lines.push(...text.split("\n").filter((line) => line !== ""));
          void closing.close();
        });
        incoming.on("end", resolve);
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
  await ended;
  const event = JSON.parse(lines[0] ?? "");
  assert.equal(event.type, "ADDED");
  assert.equal(event.object.metadata.name, "seen");
});

test("HTTP/2 answers several requests on one connection", async () => {
  const session = connectHttp2(`https://127.0.0.1:${server.listener.port}`, client());
  const get = (path: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const stream = session.request({ ":path": path });
      let status = 0;
      let text = "";
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.setEncoding("utf8");
      stream.on("data", (chunk: string) => {
        text += chunk;
      });
      stream.on("end", () => resolve({ status, text }));
      stream.on("error", reject);
      stream.end();
    });
  const answers = await Promise.all([get("/version"), get(maps), get("/nothing"), get("/livez/ping")]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 404, 200],
  );
  assert.match(JSON.parse(answers[0]?.text ?? "").gitVersion, /^v1\.36\./);
  assert.equal(answers[3]?.text, "ok");
  session.close();
});

/** Sends bytes as they are and resolves with all that comes back until the connection ends. */
function raw(bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ ...client(), ALPNProtocols: ["http/1.1"] }, () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

for (const { name, bytes, status } of [
  { name: "no HTTP at all", bytes: "\x00\x01\x02\x03\r\n\r\n", status: 400 },
  {
    name: "a header without end",
    bytes: `GET / HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(100_000)}\r\n\r\n`,
    status: 431,
  },
  {
    name: "two lengths",
    bytes: "POST /api HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    status: 400,
  },
  {
    name: "a bad percent encoding",
    bytes: "GET /api/%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    status: 400,
  },
  {
    name: "a target too long",
    bytes: `GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    status: 400,
  },
  {
    name: "a method that no path has",
    bytes: "PROPFIND /api HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    status: 405,
  },
  {
    name: "a method nobody knows",
    bytes: "FETCH /api HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    status: 400,
  },
  {
    name: "a body that is too large",
    bytes:
      "POST /api/v1/namespaces/x/configmaps HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n{",
    status: 413,
  },
  {
    name: "an upgrade to nowhere",
    bytes:
      "GET /api/v1/namespaces/x/pods/y/exec?command=a&stdout=1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    status: 404,
  },
]) {
  test(`hostile input: ${name} is answered with ${status} and harms nobody`, async () => {
    const answer = await raw(bytes);
    // What the server did not read makes its end of the connection a reset, which may overtake the answer.
    if (answer !== "" || status !== 431) assert.match(answer, new RegExp(`^HTTP/1.1 ${status}`));
    assert.equal((await server.send("GET", "/livez/ping")).text, "ok");
  });
}

for (const { name, body } of [
  { name: "an empty body", body: "" },
  { name: "broken JSON", body: '{"metadata":' },
  { name: "bytes that are no text", body: Uint8Array.of(0xff, 0xfe, 0x00) },
  { name: "a list", body: "[]" },
  { name: "null", body: "null" },
  { name: "a number as metadata", body: '{"metadata":5}' },
  { name: "labels that are a list", body: '{"metadata":{"name":"x","labels":[]}}' },
  {
    name: "a prototype as a field",
    body: '{"metadata":{"name":"x"},"__proto__":{"polluted":1},"data":{"__proto__":"x"}}',
  },
  {
    name: "very deep nesting",
    body: `{"metadata":{"name":"x"},"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  },
  { name: "another kind", body: '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"}}' },
]) {
  test(`hostile input: a body of ${name} is refused or made safe`, async () => {
    const answer = await server.send("POST", maps, { body, headers: json });
    assert.ok([201, 400, 413, 422].includes(answer.status), `${answer.status} ${answer.text.slice(0, 200)}`);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
    assert.equal((await server.send("GET", "/livez/ping")).text, "ok");
  });
}

test("hostile queries are refused", async () => {
  for (const [query, status] of [
    ["limit=abc", 400],
    ["resourceVersion=-5", 400],
    ["continue=AAAA", 400],
    ["labelSelector=%3D%3D", 400],
    ["fieldSelector=a", 400],
    ["resourceVersionMatch=Exact", 422],
    ["watch=true&resourceVersionMatch=Exact&resourceVersion=1", 422],
  ] as const) {
    const answer = await server.send("GET", `${maps}?${query}`);
    assert.equal(answer.status, status, `${query}: ${answer.text}`);
  }
});

test("a warning in any script and a path with line ends are answered, not choked on", async () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"script"},"поле":1}';
  const answer = await server.send("POST", maps, { body, headers: json });
  assert.equal(answer.status, 201);
  const warning = Buffer.from(answer.headers.warning ?? "", "latin1").toString("utf8");
  assert.equal(warning, '299 - "unknown field \\"поле\\""');
  const lines = await server.send("GET", "/api/v1/nodes/a%0d%0ab/proxy");
  assert.deepEqual([lines.status, JSON.parse(lines.text).reason], [404, "NotFound"]);
  const echoed = await server.send("GET", "/livez", { headers: { "audit-id": "x".repeat(500) } });
  assert.equal(echoed.headers["audit-id"], "x".repeat(64));
});

test("a watcher that does not read holds nobody up", async () => {
  const path = "/api/v1/namespaces/slow/configmaps";
  const stalled = connectTls({ ...client(), ALPNProtocols: ["http/1.1"] });
  await new Promise<void>((resolve) => stalled.once("secureConnect", resolve));
  stalled.write(`GET ${path}?watch=true HTTP/1.1\r\nhost: x\r\n\r\n`);
  await new Promise<void>((resolve) => stalled.once("readable", resolve));
  stalled.pause();
  const watch = await server.test.watch(path);
  const big = "x".repeat(100_000);
  const count = 100;
  const seen = (async () => {
    for (let left = count; left > 0; left--) assert.equal((await watch.next())?.type, "ADDED");
  })();
  for (let index = 0; index < count; index++) {
    const answer = await server.send("POST", path, {
      body: configMap(`big-${index}`, { big }),
      headers: json,
    });
    assert.equal(answer.status, 201);
  }
  await seen;
  watch.close();
  stalled.destroy();
  assert.equal((await server.send("GET", "/livez/ping")).text, "ok");
});
