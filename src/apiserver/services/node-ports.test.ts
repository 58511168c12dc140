/** One port number served over several protocols: what kube-apiserver v1.36.2 gives it on the nodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestServer } from "../test-support/server.ts";
import type { ServicePort, ServiceSpec } from "./service-spec.ts";

const path = "/api/v1/namespaces/default/services";
/** Its lowest sixteen are left to those who ask for one by number. */
const range = { first: 30000, last: 30099 };

const udp = { name: "udp", port: 53, protocol: "UDP" };
const tcp = { name: "tcp", port: 53, protocol: "TCP" };
const sctp = { name: "sctp", port: 53, protocol: "SCTP" };
const at = (nodePort: number, port: object) => ({ ...port, nodePort });
const open = (...ports: object[]) => ({ type: "NodePort", ports });

/** "a" is the first port of the node that was chosen, "b" the next; "-" is none. */
function shapeOf(ports: readonly ServicePort[] = []): string {
  const chosen: number[] = [];
  const shapes = ports.map(({ nodePort = 0 }) => {
    if (nodePort === 0) return "-";
    if (nodePort < range.first + 16) return String(nodePort);
    if (!chosen.includes(nodePort)) chosen.push(nodePort);
    return "abc"[chosen.indexOf(nodePort)];
  });
  return shapes.join(" ");
}

for (const { name, specs, want } of [
  { name: "shares a chosen port from the beginning", specs: [open(udp, tcp, sctp)], want: ["a a a"] },
  { name: "shares the one that is asked for", specs: [open(udp, at(30001, tcp))], want: ["30001 30001"] },
  {
    name: "has the two that are asked for",
    specs: [open(at(30001, udp), at(30002, tcp))],
    want: ["30001 30002"],
  },
  {
    name: "gets two when its service is opened later",
    specs: [{ type: "ClusterIP", ports: [udp, tcp] }, open(udp, tcp)],
    want: ["- -", "a b"],
  },
  {
    name: "gets another for a protocol that is added",
    specs: [open(at(30001, udp)), open(udp, tcp)],
    want: ["30001", "30001 a"],
  },
  {
    name: "keeps what it shares while its names stay",
    specs: [open(at(30001, udp), at(30001, tcp)), open(udp, tcp)],
    want: ["30001 30001", "30001 30001"],
  },
  {
    name: "gets two when its names change",
    specs: [open(at(30001, udp), at(30001, tcp)), open({ ...udp, name: "x" }, { ...tcp, name: "y" })],
    want: ["30001 30001", "a b"],
  },
])
  test(`a port over several protocols ${name}`, async () => {
    const server = await startTestServer({ dependencies: { services: { nodePorts: range } } });
    const metadata = { name: "dns" };
    const seen: string[] = [];
    let clusterIP: string | undefined;
    for (const [index, change] of specs.entries()) {
      const body = { metadata, spec: { ...change, ...(clusterIP === undefined ? {} : { clusterIP }) } };
      const [method, to] = index === 0 ? (["POST", path] as const) : (["PUT", `${path}/dns`] as const);
      const spec = (await server.ok(method, to, { body })).spec as ServiceSpec;
      clusterIP = spec.clusterIP;
      seen.push(shapeOf(spec.ports));
    }
    assert.deepEqual(seen, want);
    await server.close();
  });
