import assert from "node:assert/strict";
import { test } from "node:test";
import { parseResolvConf, podDnsConfig } from "./resolv-conf.ts";

const host = parseResolvConf(
  "# made\nnameserver 192.0.2.1\nsearch corp.example. example\noptions timeout:1\n",
);
const node = { host, clusterDns: ["10.96.0.10"], clusterDomain: "cluster.local" };
const pod = { namespace: "web", policy: "ClusterFirst", hostNetwork: false };
const cluster = ["web.svc.cluster.local", "svc.cluster.local", "cluster.local"];

test("resolv.conf is read into servers, searches without the final dot, and options", () => {
  assert.deepEqual(host, {
    servers: ["192.0.2.1"],
    searches: ["corp.example", "example"],
    options: ["timeout:1"],
  });
});

for (const { name, input, want } of [
  {
    name: "ClusterFirst asks the cluster's DNS first, with ndots 5",
    input: pod,
    want: {
      servers: ["10.96.0.10"],
      searches: [...cluster, "corp.example", "example"],
      options: ["ndots:5"],
    },
  },
  {
    name: "ClusterFirst on the host network means Default",
    input: { ...pod, hostNetwork: true },
    want: host,
  },
  { name: "Default takes the node's own", input: { ...pod, policy: "Default" }, want: host },
  {
    name: "DNS, PodDNS policy None takes only the pod's own config",
    input: {
      ...pod,
      policy: "None",
      podConfig: {
        nameservers: ["1.1.1.1"],
        searches: ["a.b"],
        options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
      },
    },
    want: { servers: ["1.1.1.1"], searches: ["a.b"], options: ["ndots:2", "edns0"] },
  },
  {
    name: "the pod's option replaces one of the same name",
    input: { ...pod, podConfig: { options: [{ name: "ndots", value: "1" }] } },
    want: {
      servers: ["10.96.0.10"],
      searches: [...cluster, "corp.example", "example"],
      options: ["ndots:1"],
    },
  },
]) {
  test(`Pod DNS: ${name}`, () => assert.deepEqual(podDnsConfig(input, node), want));
}
