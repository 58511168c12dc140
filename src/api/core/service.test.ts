import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  definitionOf,
  frozen,
  lines,
  objectOf,
  rowOf,
  withDefaults,
} from "../test-support/objects.ts";

const port = { port: 80 };
const filledPort = { port: 80, protocol: "TCP", targetPort: 80 };
const address = {
  clusterIP: "10.0.0.7",
  clusterIPs: ["10.0.0.7"],
  ipFamilies: ["IPv4"],
  ipFamilyPolicy: "SingleStack",
};
const { strategy } = definitionOf("v1", "Service");

const defaults: readonly { name: string; given: object; want: object }[] = [
  {
    name: "without a type",
    given: { ports: [port] },
    want: {
      ports: [filledPort],
      sessionAffinity: "None",
      type: "ClusterIP",
      internalTrafficPolicy: "Cluster",
    },
  },
  {
    name: "on node ports",
    given: { type: "NodePort", ports: [{ ...port, targetPort: "web", protocol: "UDP" }] },
    want: {
      type: "NodePort",
      ports: [{ port: 80, targetPort: "web", protocol: "UDP" }],
      sessionAffinity: "None",
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
    },
  },
  {
    name: "behind a load balancer",
    given: { type: "LoadBalancer", ports: [port] },
    want: {
      type: "LoadBalancer",
      ports: [filledPort],
      sessionAffinity: "None",
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
      allocateLoadBalancerNodePorts: true,
    },
  },
  {
    name: "that is but a name",
    given: { type: "ExternalName", externalName: "a.b" },
    want: { type: "ExternalName", externalName: "a.b", sessionAffinity: "None" },
  },
  {
    name: "that keeps its clients",
    given: { ports: [port], sessionAffinity: "ClientIP" },
    want: {
      ports: [filledPort],
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      type: "ClusterIP",
      internalTrafficPolicy: "Cluster",
    },
  },
  {
    name: "with addresses from outside",
    given: { ports: [port], externalIPs: ["1.2.3.4"] },
    want: {
      ports: [filledPort],
      externalIPs: ["1.2.3.4"],
      sessionAffinity: "None",
      type: "ClusterIP",
      internalTrafficPolicy: "Cluster",
      externalTrafficPolicy: "Cluster",
    },
  },
];

for (const { name, given, want } of defaults)
  test(`a service ${name} gets its defaults`, () => {
    assert.deepEqual(withDefaults(objectOf("v1", "Service", { spec: given })).spec, want);
  });

const refused: readonly { name: string; spec: object; want: readonly (string | RegExp)[] }[] = [
  { name: "with an address and a port", spec: { ports: [port] }, want: [] },
  { name: "without ports", spec: {}, want: ["spec.ports: Required value"] },
  {
    name: "without ports and address",
    spec: { clusterIP: "None", clusterIPs: ["None"], ipFamilies: [] },
    want: [],
  },
  {
    name: "with two ports of which one has no name",
    spec: { ports: [port, { port: 81, name: "b" }] },
    want: ["spec.ports[0].name: Required value"],
  },
  {
    name: "with ports that collide",
    spec: {
      ports: [
        { port: 80, name: "a" },
        { port: 80, name: "a" },
      ],
    },
    want: [
      'spec.ports[1].name: Duplicate value: "a"',
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  },
  {
    name: "with impossible ports",
    spec: {
      ports: [
        { port: 0, targetPort: "no_port", name: "a" },
        { port: 70000, name: "B", protocol: "ICMP" },
      ],
    },
    want: [
      "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      /^spec\.ports\[0\]\.targetPort: Invalid value: "no_port": must contain only alpha-numeric characters/,
      /^spec\.ports\[1\]\.name: Invalid value: "B": a lowercase RFC 1123 label/,
      "spec.ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
      'spec.ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      "spec.ports[1].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
  },
  {
    name: "with a node port it cannot have",
    spec: { ports: [{ ...port, nodePort: 30080 }] },
    want: ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  },
  {
    name: "on node ports without an address",
    spec: { type: "NodePort", clusterIP: "None", clusterIPs: ["None"], ipFamilies: [], ports: [port] },
    want: ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
  },
  {
    name: "of an unknown type",
    spec: { type: "Mesh", ports: [port] },
    want: [
      'spec.type: Unsupported value: "Mesh": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  },
  {
    name: "whose first address is not its address",
    spec: { ports: [port], clusterIP: "10.0.0.8" },
    want: ['spec.clusterIPs: Invalid value: ["10.0.0.7"]: first value must match `clusterIP`'],
  },
  {
    name: "with two addresses of one family",
    spec: { ports: [port], clusterIPs: ["10.0.0.7", "10.0.0.8"] },
    want: [
      'spec.clusterIPs: Invalid value: ["10.0.0.7","10.0.0.8"]: may specify no more than one IP for each IP family',
    ],
  },
  {
    name: "that keeps its clients for too long",
    spec: {
      ports: [port],
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } },
    },
    want: [
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
    ],
  },
  {
    name: "that is a name without one",
    spec: { type: "ExternalName", clusterIP: "", clusterIPs: [], ipFamilies: [], ipFamilyPolicy: undefined },
    want: ["spec.externalName: Required value"],
  },
  {
    name: "with an address of everybody",
    spec: { ports: [port], externalIPs: ["127.0.0.1"] },
    want: [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    name: "with the traffic of others",
    spec: { ports: [port], externalTrafficPolicy: "Local" },
    want: [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
  },
  {
    name: "with a class of load balancers that it has not",
    spec: { ports: [port], loadBalancerClass: "a/b", loadBalancerSourceRanges: ["10.0.0.0/8"] },
    want: [
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  },
];

/** As the API server's allocators leave it. */
const allocated = (spec: object) => created("v1", "Service", { spec: { ...address, ...spec } });

for (const { name, spec, want } of refused)
  test(`a service ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(lines(strategy.validate?.(allocated(spec)) ?? []), want);
  });

/** What comes of a PUT of `after` over `before`. */
function updated(before: object, after: object) {
  const old = allocated(before);
  const sent = withDefaults(objectOf("v1", "Service", { spec: after, status: old.status }));
  const prepared = frozen(strategy.prepareForUpdate?.(sent, old) ?? sent);
  return {
    spec: prepared.spec as Record<string, unknown>,
    errors: lines(strategy.validateUpdate?.(prepared, old) ?? []),
  };
}

test("a client that sends no address leaves the one that was given", () => {
  const { spec, errors } = updated({ ports: [port] }, { ports: [{ port: 81 }] });
  assert.deepEqual(
    [spec.clusterIP, spec.clusterIPs, spec.ipFamilies, spec.ipFamilyPolicy],
    ["10.0.0.7", ["10.0.0.7"], ["IPv4"], "SingleStack"],
  );
  assert.deepEqual(errors, []);
});

test("a client that sends no node port leaves the one that was given", () => {
  const { spec } = updated(
    { type: "NodePort", ports: [{ ...port, nodePort: 30080 }] },
    { type: "NodePort", ports: [{ ...port, targetPort: 8080 }] },
  );
  assert.deepEqual(spec.ports, [{ port: 80, targetPort: 8080, protocol: "TCP", nodePort: 30080 }]);
});

test("the address stays", () => {
  const { errors } = updated(
    { ports: [port] },
    { ...address, ports: [port], clusterIP: "10.0.0.9", clusterIPs: ["10.0.0.9"] },
  );
  assertLines(errors, ['spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set']);
});

test("Services: a change to ExternalName gives the address back, a change from it takes none along", () => {
  const named = updated(
    { ports: [port] },
    { ...address, type: "ExternalName", externalName: "a.b", ports: [port] },
  );
  assert.deepEqual(named.errors, []);
  assert.deepEqual(
    ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"].filter((name) => name in named.spec),
    [],
  );
});

for (const { name, addresses } of [
  { name: "sent along", addresses: address },
  { name: "cleared by the client", addresses: { ...address, clusterIP: "" } },
]) {
  test(`Service, change type, NodePort to ExternalName: what the type had goes, its address ${name}`, () => {
    const { spec, errors } = updated(
      { type: "NodePort", ports: [{ ...port, nodePort: 30080 }], externalTrafficPolicy: "Cluster" },
      {
        ...addresses,
        type: "ExternalName",
        externalName: "a.b",
        ports: [{ ...port, nodePort: 30080 }],
        externalTrafficPolicy: "Cluster",
      },
    );
    assert.deepEqual(errors, []);
    const typed = ["clusterIPs", "ipFamilies", "ipFamilyPolicy", "externalTrafficPolicy"];
    assert.deepEqual(
      typed.filter((field) => field in spec),
      [],
    );
    assert.deepEqual(spec.ports, [filledPort]);
  });
}

test("a service that leaves its node ports says so no more", () => {
  const { spec, errors } = updated(
    { type: "NodePort", ports: [{ ...port, nodePort: 30080 }] },
    {
      ...address,
      type: "ClusterIP",
      ports: [{ ...port, nodePort: 30080 }],
      externalTrafficPolicy: "Cluster",
    },
  );
  assert.deepEqual(spec.ports, [filledPort]);
  assert.equal("externalTrafficPolicy" in spec, false);
  assert.deepEqual(errors, []);
});

test("only load balancers report addresses", () => {
  const status = { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }] } };
  const report = (spec: object, loadBalancer: object = status.loadBalancer) => {
    const old = allocated(spec);
    return lines(strategy.validateStatusUpdate?.({ ...old, status: { loadBalancer } }, old) ?? []);
  };
  assertLines(report({ ports: [port] }), [
    "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
  ]);
  assertLines(report({ type: "LoadBalancer", ports: [port] }), []);
  assertLines(
    report(
      { type: "LoadBalancer", ports: [port] },
      { ingress: [{ ip: "1.2.3.4" }, { hostname: "1.2.3.4" }] },
    ),
    [
      "status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set",
      'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ],
  );
});

for (const { name, spec, status = {}, want } of [
  { name: "inside", spec: { ports: [port] }, want: ["ClusterIP", "10.0.0.7", "<none>", "80/TCP", "<none>"] },
  {
    name: "on node ports",
    spec: {
      type: "NodePort",
      ports: [
        { ...port, nodePort: 30080 },
        { port: 53, protocol: "UDP" },
      ],
      selector: { b: "2", a: "1" },
    },
    want: ["NodePort", "10.0.0.7", "<none>", "80:30080/TCP,53/UDP", "a=1,b=2"],
  },
  {
    name: "that waits for its load balancer",
    spec: { type: "LoadBalancer", ports: [port] },
    want: ["LoadBalancer", "10.0.0.7", "<pending>", "80/TCP", "<none>"],
  },
  {
    name: "that has its load balancer",
    spec: { type: "LoadBalancer", ports: [port], externalIPs: ["9.9.9.9"] },
    status: { loadBalancer: { ingress: [{ hostname: "lb" }, { ip: "1.2.3.4" }] } },
    want: ["LoadBalancer", "10.0.0.7", "1.2.3.4,lb,9.9.9.9", "80/TCP", "<none>"],
  },
  {
    name: "that is a name",
    spec: { type: "ExternalName", externalName: "a.b", clusterIP: "", clusterIPs: [] },
    want: ["ExternalName", "<none>", "a.b", "<none>", "<none>"],
  },
] as readonly { name: string; spec: object; status?: object; want: readonly string[] }[])
  test(`kubectl get -o wide shows a service ${name} as upstream does`, () => {
    const row = rowOf(withDefaults(objectOf("v1", "Service", { spec: { ...address, ...spec }, status })));
    assert.deepEqual([row.Type, row["Cluster-IP"], row["External-IP"], row["Port(s)"], row.Selector], want);
  });
