import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../api/core/types.generated.ts";
import type { EndpointSlice } from "../api/discovery/types.generated.ts";
import { type ClusterRecords, type DnsAnswer, resolve } from "./records.ts";

const service = (name: string, spec: Service["spec"]): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "n" },
  spec,
});
const all: Record<string, Service> = {
  "n/web": service("web", {
    clusterIP: "10.96.0.5",
    clusterIPs: ["10.96.0.5"],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  }),
  "n/db": service("db", { clusterIP: "None", clusterIPs: ["None"], ports: [{ name: "sql", port: 5432 }] }),
  "n/ext": service("ext", { type: "ExternalName", externalName: "example.org" }),
};
const slice: EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "db-1", namespace: "n", labels: { "kubernetes.io/service-name": "db" } },
  addressType: "IPv4",
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
  endpoints: [
    { addresses: ["10.244.0.2"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.244.0.3"], conditions: { ready: true } },
    { addresses: ["10.244.0.4"], conditions: { ready: false } },
  ],
};
const records: ClusterRecords = {
  clusterDomain: "cluster.local",
  service: (key) => all[key],
  slicesOf: (key) => (key === "n/db" ? [slice] : []),
  namespaceExists: (name) => name === "n",
  serviceByIp: (ip) => (ip === "10.96.0.5" ? all["n/web"] : undefined),
  slicesByIp: (ip) => (["10.244.0.2", "10.244.0.3"].includes(ip) ? [slice] : []),
};

function describe(answer: DnsAnswer): string {
  if (answer.code === "FORWARD") return "forward";
  if (answer.code === "NXDOMAIN") return "no such name";
  return answer.answers
    .map(({ type, data }) => `${type} ${typeof data === "string" ? data : Object.values(data).join(" ")}`)
    .join(", ");
}

for (const { name, type = "A", want } of [
  { name: "web.n.svc.cluster.local", want: "A 10.96.0.5" },
  { name: "WEB.n.svc.cluster.local.", want: "A 10.96.0.5" },
  { name: "web.n.svc.cluster.local", type: "AAAA", want: "" },
  { name: "_http._tcp.web.n.svc.cluster.local", type: "SRV", want: "SRV 0 100 80 web.n.svc.cluster.local" },
  { name: "_http._udp.web.n.svc.cluster.local", type: "SRV", want: "no such name" },
  { name: "db.n.svc.cluster.local", want: "A 10.244.0.2, A 10.244.0.3" },
  { name: "db-0.db.n.svc.cluster.local", want: "A 10.244.0.2" },
  { name: "10-244-0-3.db.n.svc.cluster.local", want: "A 10.244.0.3" },
  { name: "10-244-0-4.db.n.svc.cluster.local", want: "no such name" },
  {
    name: "_sql._tcp.db.n.svc.cluster.local",
    type: "SRV",
    want: "SRV 0 100 5432 db-0.db.n.svc.cluster.local, SRV 0 100 5432 10-244-0-3.db.n.svc.cluster.local",
  },
  { name: "ext.n.svc.cluster.local", want: "CNAME example.org" },
  { name: "none.n.svc.cluster.local", want: "no such name" },
  { name: "n.svc.cluster.local", want: "" },
  { name: "m.svc.cluster.local", want: "no such name" },
  { name: "10-1-2-3.n.pod.cluster.local", want: "A 10.1.2.3" },
  { name: "web.n.pod.cluster.local", want: "no such name" },
  { name: "dns-version.cluster.local", type: "TXT", want: "TXT 1.1.0" },
  { name: "5.0.96.10.in-addr.arpa", type: "PTR", want: "PTR web.n.svc.cluster.local" },
  { name: "2.0.244.10.in-addr.arpa", type: "PTR", want: "PTR db-0.db.n.svc.cluster.local" },
  { name: "1.1.1.1.in-addr.arpa", type: "PTR", want: "forward" },
  { name: "example.com", want: "forward" },
]) {
  test(`DNS: ${type} ${name} is ${JSON.stringify(want)}`, () =>
    assert.equal(describe(resolve(name, type, records)), want));
}
