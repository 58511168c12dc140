import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { test } from "node:test";
import { decode, encode, streamEncode } from "dns-packet";
import type { Service } from "../../api/core/types.generated.ts";
import { silentLogger } from "../../base/log.ts";
import type { ClusterRecords } from "../records.ts";
import { startDnsServer } from "./dns-server.ts";

const manyIps = Array.from({ length: 60 }, (_, index) => `10.96.1.${index}`);
const services: Record<string, Service> = {
  "n/web": {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "n" },
    spec: { clusterIP: "10.96.0.5", clusterIPs: ["10.96.0.5"] },
  },
  "n/big": {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "big", namespace: "n" },
    spec: { clusterIP: "10.96.1.0", clusterIPs: manyIps },
  },
  "n/outside": {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "outside", namespace: "n" },
    spec: { type: "ExternalName", externalName: "foo.example.com" },
  },
};
const records: ClusterRecords = {
  clusterDomain: "cluster.local",
  service: (key) => services[key],
  slicesOf: () => [],
  namespaceExists: () => true,
  serviceByIp: () => undefined,
  slicesByIp: () => [],
};
const question = (name: string, type: "A" | "CNAME" = "A") => ({
  type: "query" as const,
  id: 7,
  flags: 256,
  questions: [{ name, type }],
});

function askUdp(port: number, message: Buffer): Promise<ReturnType<typeof decode>> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (answer: Buffer) => {
      socket.close();
      resolve(decode(answer));
    });
    socket.send(message, port, "127.0.0.1");
  });
}

function askTcp(port: number, message: Buffer): Promise<ReturnType<typeof decode>> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, Buffer.from(chunk)]);
      if (received.length < 2 || received.length < received.readUInt16BE(0) + 2) return;
      socket.destroy();
      resolve(decode(received.subarray(2)));
    });
    socket.write(message);
  });
}

const open = (upstreams: readonly string[] = []) =>
  startDnsServer({ address: "127.0.0.1", port: 0, upstreams, records, logger: silentLogger });

test("The DNS server answers over UDP, after garbage too", async () => {
  await using server = await open();
  const socket = createSocket("udp4");
  await new Promise<void>((done) =>
    socket.send(Buffer.from("garbage"), server.port, "127.0.0.1", () => done()),
  );
  socket.close();
  const answer = await askUdp(server.port, encode(question("web.n.svc.cluster.local")));
  assert.deepEqual(
    answer.answers?.map((record) => "data" in record && record.data),
    ["10.96.0.5"],
  );
  assert.equal(answer.id, 7);
});

test("An answer too long for UDP is cut, and whole over TCP", async () => {
  await using server = await open();
  const short = await askUdp(server.port, encode(question("big.n.svc.cluster.local")));
  assert.equal(short.flag_tc, true);
  const whole = await askTcp(server.port, streamEncode(question("big.n.svc.cluster.local")));
  assert.equal(whole.answers?.length, manyIps.length);
});

test("Without an upstream, foreign names are a server failure and not silence", async () => {
  await using server = await open();
  const answer = await askUdp(server.port, encode(question("example.com")));
  assert.equal("rcode" in answer && answer.rcode, "SERVFAIL");
});

test("DNS, for ExternalName Services: who asks for the alias gets it without anybody being asked where it leads", async (context) => {
  // Nobody answers there, and time stands still: an upstream that was asked would be waited for.
  context.mock.timers.enable({ apis: ["setTimeout"] });
  await using server = await open(["192.0.2.1"]);
  const answer = await askUdp(server.port, encode(question("outside.n.svc.cluster.local", "CNAME")));
  assert.deepEqual(
    answer.answers?.map((record) => "data" in record && [record.type, record.data]),
    [["CNAME", "foo.example.com"]],
  );
});
