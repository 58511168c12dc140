import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  type ChangeCase,
  created,
  createErrors,
  definitionOf,
  lines,
  objectOf,
  type Parts,
  type RefusedCase,
  rowOf,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const group = "networking.k8s.io/v1";
const backend = { service: { name: "web", port: { number: 80 } } };

for (const { name, given, want } of [
  { name: "nothing", given: {}, want: { podSelector: {}, policyTypes: ["Ingress"] } },
  {
    name: "what may come in",
    given: { podSelector: {}, ingress: [{ ports: [{ port: 80 }, { port: 53, protocol: "UDP" }] }] },
    want: {
      podSelector: {},
      ingress: [
        {
          ports: [
            { port: 80, protocol: "TCP" },
            { port: 53, protocol: "UDP" },
          ],
        },
      ],
      policyTypes: ["Ingress"],
    },
  },
  {
    name: "what may go out",
    given: { podSelector: {}, egress: [{ ports: [{ port: 80 }] }] },
    want: {
      podSelector: {},
      egress: [{ ports: [{ port: 80, protocol: "TCP" }] }],
      policyTypes: ["Ingress", "Egress"],
    },
  },
  {
    name: "only its types",
    given: { podSelector: {}, policyTypes: ["Egress"] },
    want: { podSelector: {}, policyTypes: ["Egress"] },
  },
])
  test(`a network policy that says ${name} gets its defaults`, () => {
    assert.deepEqual(withDefaults(objectOf(group, "NetworkPolicy", { spec: given })).spec, want);
  });

test("a class of ingresses has its parameters in the cluster", () => {
  const spec = { controller: "a.b/c", parameters: { kind: "X", name: "y" } };
  assert.deepEqual(withDefaults(objectOf(group, "IngressClass", { spec })).spec, {
    ...spec,
    parameters: { kind: "X", name: "y", scope: "Cluster" },
  });
});

for (const kind of ["Ingress", "ServiceCIDR"])
  test(`a new ${kind} has no status from its author`, () => {
    const { status } = created(group, kind, {
      status: { conditions: [{}], loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
    });
    assert.deepEqual(status, kind === "Ingress" ? { loadBalancer: {} } : {});
  });

const path = (more: object) => ({
  rules: [{ http: { paths: [{ path: "/", pathType: "Prefix", backend, ...more }] } }],
});

const refused: readonly (RefusedCase & { readonly kind: string })[] = [
  { kind: "Ingress", name: "as it should be", spec: path({}), want: [] },
  {
    kind: "Ingress",
    name: "to nowhere",
    spec: {},
    want: ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
  },
  {
    kind: "Ingress",
    name: "for hosts that are none",
    spec: { defaultBackend: backend, rules: [{ host: "1.2.3.4" }, { host: "*.a.b" }, { host: "a_b" }] },
    want: [
      'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      /^spec\.rules\[2\]\.host: Invalid value: "a_b": a lowercase RFC 1123 subdomain/,
    ],
  },
  {
    kind: "Ingress",
    name: "with a path of no type",
    spec: path({ pathType: undefined }),
    want: ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"],
  },
  {
    kind: "Ingress",
    name: "with confusing paths",
    spec: path({ path: "/a//b/../c/.." }),
    want: [
      "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b/../c/..\": must not contain '//'",
      "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b/../c/..\": must not contain '/../'",
      "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b/../c/..\": cannot end with '/..'",
    ],
  },
  {
    kind: "Ingress",
    name: "with a path from somewhere",
    spec: path({ path: "a", pathType: "ImplementationSpecific" }),
    want: ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path'],
  },
  {
    kind: "Ingress",
    name: "to a service without a port",
    spec: { defaultBackend: { service: { name: "web" } } },
    want: ["spec.defaultBackend: Required value: port name or number is required"],
  },
  {
    kind: "Ingress",
    name: "to two things",
    spec: { defaultBackend: { ...backend, resource: { kind: "X", name: "y" } } },
    want: ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
  },
  {
    kind: "Ingress",
    name: "with two classes",
    parts: {
      metadata: { annotations: { "kubernetes.io/ingress.class": "a" } },
      spec: { defaultBackend: backend, ingressClassName: "b" },
    },
    want: [
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
    ],
  },
  { kind: "IngressClass", name: "without a controller", spec: {}, want: ["spec.controller: Required value"] },
  {
    kind: "IngressClass",
    name: "of no domain",
    spec: { controller: "me" },
    want: ['spec.controller: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")'],
  },
  {
    kind: "IngressClass",
    name: "with parameters in a namespace it does not name",
    spec: { controller: "a.b/c", parameters: { kind: "X", name: "y", scope: "Namespace" } },
    want: ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  },
  {
    kind: "NetworkPolicy",
    name: "with wrong ports",
    spec: {
      podSelector: {},
      ingress: [
        {
          ports: [
            { port: 0 },
            { port: "A" },
            { port: 10, endPort: 5 },
            { endPort: 5 },
            { port: 1, protocol: "ICMP" },
          ],
        },
      ],
    },
    want: [
      "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      'spec.ingress[0].ports[1].port: Invalid value: "A": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.ingress[0].ports[1].port: Invalid value: "A": must contain at least one letter (a-z)',
      "spec.ingress[0].ports[2].endPort: Invalid value: 10: must be greater than or equal to `port`",
      "spec.ingress[0].ports[3].endPort: Invalid value: 5: may not be specified when `port` is not specified",
      'spec.ingress[0].ports[4].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
    ],
  },
  {
    kind: "NetworkPolicy",
    name: "with wrong peers",
    spec: {
      podSelector: {},
      egress: [
        {
          to: [
            {},
            { podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } },
            { ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/9", "10.0.0.0/8", "10.1.0.0/16"] } },
          ],
        },
      ],
    },
    want: [
      "spec.egress[0].to[0]: Required value: must specify a peer",
      "spec.egress[0].to[1]: Forbidden: may not specify both ipBlock and another peer",
      'spec.egress[0].to[2].ipBlock.except[0]: Invalid value: "11.0.0.0/9": must be a strict subset of `cidr`',
      'spec.egress[0].to[2].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
    ],
  },
  {
    kind: "IPAddress",
    name: "that is none, of nobody",
    parts: { metadata: { name: "2001:DB8::1" } },
    want: [
      'metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")',
      "spec.parentRef: Required value",
    ],
  },
  {
    kind: "IPAddress",
    name: "of a service (IPAddress API)",
    parts: {
      metadata: { name: "10.0.0.1" },
      spec: { parentRef: { resource: "services", namespace: "default", name: "kubernetes" } },
    },
    want: [],
  },
  {
    kind: "ServiceCIDR",
    name: "without a range",
    spec: {},
    want: ["spec.cidrs: Required value: at least one CIDR required"],
  },
  {
    kind: "ServiceCIDR",
    name: "with two ranges of one family",
    spec: { cidrs: ["10.0.0.0/8", "11.0.0.0/8"] },
    want: [
      'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  },
];

for (const { kind, name, spec, parts, want } of refused)
  test(`an object of kind ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, kind, parts ?? { spec }), want);
  });

const changes: readonly (ChangeCase & { readonly kind: string })[] = [
  {
    kind: "IngressClass",
    name: "its controller",
    before: { controller: "a.b/c" },
    after: { controller: "a.b/d" },
    want: ['spec.controller: Invalid value: "a.b/d": field is immutable'],
  },
  {
    kind: "ServiceCIDR",
    name: "by a second family (ServiceCIDR API)",
    before: { cidrs: ["10.0.0.0/8"] },
    after: { cidrs: ["10.0.0.0/8", "fd00::/112"] },
    want: [],
  },
  {
    kind: "ServiceCIDR",
    name: "its range",
    before: { cidrs: ["10.0.0.0/8"] },
    after: { cidrs: ["11.0.0.0/8"] },
    want: ['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable'],
  },
  {
    kind: "IPAddress",
    name: "its owner",
    before: { parentRef: { resource: "services", name: "a" } },
    after: { parentRef: { resource: "services", name: "b" } },
    want: [
      'metadata.name: Invalid value: "one": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      /^spec\.parentRef: Invalid value: .*: field is immutable$/,
    ],
  },
];

for (const { kind, name, before, after, want } of changes)
  test(`a ${kind} that changes ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(updateErrors(group, kind, { spec: before }, { spec: after }), want);
  });

test("an ingress reports where its load balancer listens", () => {
  const { strategy } = definitionOf(group, "Ingress");
  const old = created(group, "Ingress", { spec: path({}) });
  const status = { loadBalancer: { ingress: [{ ip: "x" }, { hostname: "1.2.3.4" }] } };
  assertLines(lines(strategy.validateStatusUpdate?.({ ...old, status }, old) ?? []), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ]);
});

const rows: readonly { kind: string; name: string; parts: Parts; want: object }[] = [
  {
    kind: "Ingress",
    name: "for everybody",
    parts: { spec: path({}) },
    want: { Class: "<none>", Hosts: "*", Address: "", Ports: "80" },
  },
  {
    kind: "Ingress",
    name: "for many hosts",
    parts: {
      spec: {
        ingressClassName: "nginx",
        tls: [{}],
        rules: ["a", "b", "c", "d", "e"].map((host) => ({ host })),
      },
      status: { loadBalancer: { ingress: [{ hostname: "z" }, { ip: "1.2.3.4" }] } },
    },
    want: { Class: "nginx", Hosts: "a,b,c + 2 more...", Address: "1.2.3.4,z", Ports: "80, 443" },
  },
  {
    kind: "IngressClass",
    name: "with parameters",
    parts: { spec: { controller: "a.b/c", parameters: { apiGroup: "g.io", kind: "X", name: "y" } } },
    want: { Controller: "a.b/c", Parameters: "X.g.io/y" },
  },
  {
    kind: "NetworkPolicy",
    name: "for some pods",
    parts: { spec: { podSelector: { matchLabels: { a: "b" } } } },
    want: { "Pod-Selector": "a=b" },
  },
  {
    kind: "IPAddress",
    name: "of a service",
    parts: { spec: { parentRef: { resource: "services", namespace: "default", name: "kubernetes" } } },
    want: { ParentRef: "services/default/kubernetes" },
  },
  {
    kind: "ServiceCIDR",
    name: "of two families",
    parts: { spec: { cidrs: ["10.0.0.0/8", "fd00::/112"] } },
    want: { CIDRs: "10.0.0.0/8,fd00::/112" },
  },
];

for (const { kind, name, parts, want } of rows)
  test(`kubectl get shows an object of kind ${kind} ${name} as upstream does`, () => {
    assert.deepEqual(rowOf(withDefaults(objectOf(group, kind, parts))), want);
  });
