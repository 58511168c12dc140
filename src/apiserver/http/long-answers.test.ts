import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { Agent, request as requestHttps } from "node:https";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { schemas } from "../../api/schemas.ts";
import { createProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { systemClock } from "../../base/system-clock.ts";
import { createMemoryStorage } from "../../storage/memory/memory-storage.ts";
import { StoredValue } from "../../storage/storage.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";

const count = 3000;
const maps = "/api/v1/namespaces/long/configmaps";
const codec = createProtobufCodec(schemas);

let server: TestListener;
before(async () => {
  const storage = createMemoryStorage({ clock: systemClock });
  server = await startTestListener({ dependencies: { storage } });
  await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const name = `map-${String(index).padStart(5, "0")}`;
      const object = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace: "long", uid: name, creationTimestamp: "2026-01-01T00:00:00Z" },
        // Characters of one to four bytes, so that chunks are cut inside of some.
        data: { text: "aé漢🙂".repeat(20 + (index % 50)) },
      };
      const key = `/registry/core/configmaps/long/${name}`;
      const write = { type: "put", key, value: StoredValue.ofObject(object) } as const;
      return storage.commit({ compare: [], writes: [write] });
    }),
  );
});
after(() => server.close());

interface Shape {
  readonly metadata: { readonly name: string };
  readonly data: { readonly text: string };
}

const texts = Array.from({ length: count }, (_, index) => "aé漢🙂".repeat(20 + (index % 50)));

async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await server.send("GET", path, { headers });
  assert.equal(answer.status, 200, answer.text.slice(0, 1000));
  return answer;
}

test("a list of many chunks is whole as JSON, and has no length in advance", async () => {
  const answer = await get(maps);
  const { items } = JSON.parse(answer.text) as { items: Shape[] };
  assert.deepEqual(
    items.map(({ data }) => data.text),
    texts,
  );
  assert.equal(answer.headers["content-length"], undefined);
});

test("a list of many chunks is whole in protobuf, whether its messages are kept or not", async () => {
  for (let round = 0; round < 2; round++) {
    const answer = await get(maps, { accept: "application/vnd.kubernetes.protobuf" });
    const list = codec.decode(answer.bytes) as unknown as { items: Shape[]; kind: string };
    assert.equal(list.kind, "ConfigMapList");
    assert.deepEqual(
      list.items.map(({ data }) => data.text),
      texts,
    );
  }
});

test("a list of many chunks is compressed as it is sent", async () => {
  const answer = await get(maps, { "accept-encoding": "gzip" });
  assert.equal(answer.headers["content-encoding"], "gzip");
  const { items } = JSON.parse(gunzipSync(answer.bytes).toString()) as { items: Shape[] };
  assert.equal(items.length, count);
});

test("tables and lists of metadata of many chunks are whole", async () => {
  const table = await get(maps, { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
  const { rows, columnDefinitions } = JSON.parse(table.text) as {
    rows: { cells: unknown[] }[];
    columnDefinitions: unknown[];
  };
  assert.equal(rows.length, count);
  assert.equal(rows[0]?.cells.length, columnDefinitions.length);
  const accept = "as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  for (const type of ["application/json", "application/vnd.kubernetes.protobuf"]) {
    const answer = await get(maps, { accept: `${type};${accept}` });
    const list = type === "application/json" ? JSON.parse(answer.text) : codec.decode(answer.bytes);
    const { items, kind } = list as { items: Shape[]; kind: string };
    assert.equal(kind, "PartialObjectMetadataList");
    assert.deepEqual([items.length, items[0]?.metadata.name], [count, "map-00000"]);
  }
});

for (const binary of [false, true]) {
  test(`a watch that begins with thousands of objects tells each, then the bookmark, ${binary ? "in protobuf" : "as JSON"}`, async () => {
    const query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    const frames = await readUntil(
      `${maps}?${query}`,
      binary ? { accept: "application/vnd.kubernetes.protobuf" } : {},
      "k8s.io/initial-events-end",
    );
    const names = binary
      ? framesOf(frames).map((frame) => /map-\d{5}/.exec(frame.toString("latin1"))?.[0])
      : frames
          .toString()
          .trimEnd()
          .split("\n")
          .map((line) => (JSON.parse(line) as { object: Shape }).object.metadata.name);
    assert.equal(names.length, count + 1);
    assert.deepEqual([names[0], names[count - 1], names[count]], ["map-00000", "map-02999", undefined]);
  });
}

test("a list of many chunks is whole over HTTP/2, also for one who reads slowly", async () => {
  const { admin, clusterAuthority } = server.pki;
  const session = connectHttp2(`https://127.0.0.1:${server.listener.port}`, {
    ca: clusterAuthority.certificate,
    cert: admin.certificate,
    key: admin.key,
  });
  const stream = session.request({ ":path": maps });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    await new Promise((resolve) => setImmediate(resolve));
  }
  session.destroy();
  const { items } = JSON.parse(Buffer.concat(chunks).toString()) as { items: Shape[] };
  assert.deepEqual(
    items.map(({ data }) => data.text),
    texts,
  );
});

test("pages of several chunks, one after the other on one connection, are each whole", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const { admin, clusterAuthority } = server.pki;
  const { port } = server.listener;
  const names: string[] = [];
  for (let next = ""; ; ) {
    const path = `${maps}?limit=1000${next}`;
    const { cert, key, ca } = { cert: admin.certificate, key: admin.key, ca: clusterAuthority.certificate };
    const text = await new Promise<string>((resolve, reject) => {
      const options = { host: "127.0.0.1", port, path, ca, cert, key, agent };
      requestHttps(options, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve(Buffer.concat(chunks).toString());
      })
        .once("error", reject)
        .end();
    });
    const { items, metadata } = JSON.parse(text) as { items: Shape[]; metadata: { continue?: string } };
    names.push(...items.map((item) => item.metadata.name));
    if (metadata.continue === undefined) break;
    next = `&continue=${metadata.continue}`;
  }
  agent.destroy();
  assert.equal(names.length, count);
  assert.equal(new Set(names).size, count);
});

test("lists that nobody reads hold no other answer up", async () => {
  const unread = Array.from({ length: 5 }, () => request(maps, {}, (response) => response.pause()));
  await Promise.all(unread.map(({ began }) => began));
  assert.equal((await get(`${maps}/map-00001`)).status, 200);
  const { items } = JSON.parse((await get(maps)).text) as { items: Shape[] };
  assert.equal(items.length, count);
  for (const { abort } of unread) abort();
});

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}

function request(
  path: string,
  headers: Record<string, string>,
  onResponse: (response: import("node:http").IncomingMessage) => void,
) {
  const { promise: began, resolve, reject } = Promise.withResolvers<void>();
  const { admin, clusterAuthority } = server.pki;
  const outgoing = requestHttps(
    {
      host: "127.0.0.1",
      port: server.listener.port,
      path,
      headers,
      ca: clusterAuthority.certificate,
      cert: admin.certificate,
      key: admin.key,
      agent: false,
    },
    (response) => {
      response.on("error", () => {}); // it is broken off in the end
      onResponse(response);
      resolve();
    },
  );
  outgoing.once("error", reject);
  outgoing.end();
  return { began, abort: () => outgoing.destroy() };
}

/** A watch's bytes up to where its last chunk so far contains `mark`. */
async function readUntil(path: string, headers: Record<string, string>, mark: string): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const { abort } = request(path, headers, (response) => {
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (Buffer.concat(chunks.slice(-3)).includes(mark)) resolve(Buffer.concat(chunks));
    });
  });
  const all = await promise;
  abort();
  return all;
}
