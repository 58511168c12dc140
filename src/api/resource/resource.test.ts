import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assertLines,
  created,
  createErrors,
  definitionOf,
  frozen,
  lines,
  objectOf,
  type Parts,
  type RefusedCase,
  rowOf,
  secondsAgo,
  updateErrors,
  withDefaults,
} from "../test-support/objects.ts";

const group = "resource.k8s.io/v1";
const exactly = { deviceClassName: "gpu.example.com" };
const request = { name: "gpu", exactly };
const opaque = { driver: "gpu.example.com", parameters: { a: 1 } };
const device = { name: "gpu-0" };
const pool = { name: "node-1", generation: 1, resourceSliceCount: 1 };
const slice = { driver: "gpu.example.com", pool, nodeName: "node-1", devices: [device] };

test("a request is for one device, unless it is for all or says how many", () => {
  const requests = [
    request,
    { name: "all", exactly: { ...exactly, allocationMode: "All" } },
    {
      name: "any",
      firstAvailable: [
        { name: "a", ...exactly },
        { name: "b", ...exactly, count: 2 },
      ],
    },
  ];
  assert.deepEqual(withDefaults(objectOf(group, "ResourceClaim", { spec: { devices: { requests } } })).spec, {
    devices: {
      requests: [
        { name: "gpu", exactly: { ...exactly, allocationMode: "ExactCount", count: 1 } },
        { name: "all", exactly: { ...exactly, allocationMode: "All" } },
        {
          name: "any",
          firstAvailable: [
            { name: "a", ...exactly, allocationMode: "ExactCount", count: 1 },
            { name: "b", ...exactly, allocationMode: "ExactCount", count: 2 },
          ],
        },
      ],
    },
  });
});

const claims: readonly { name: string; devices: object; want: RefusedCase["want"] }[] = [
  {
    name: "as it should be",
    devices: {
      requests: [request],
      constraints: [{ requests: ["gpu"], matchAttribute: "a.b/c" }],
      config: [{ requests: ["gpu"], opaque }],
    },
    want: [],
  },
  {
    name: "of nothing, and of two things",
    devices: {
      requests: [
        { name: "a" },
        { name: "b", exactly, firstAvailable: [{ name: "x", ...exactly }] },
        { name: "a", exactly: {} },
      ],
    },
    want: [
      "requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
      "requests[1]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
      "requests[2].exactly.deviceClassName: Required value",
      'requests[2]: Duplicate value: "a"',
    ],
  },
  {
    name: "of an odd number",
    devices: {
      requests: [
        { name: "a", exactly: { ...exactly, count: -1 } },
        { name: "b", exactly: { ...exactly, allocationMode: "All", count: 2 } },
        { name: "c", exactly: { ...exactly, allocationMode: "Some" } },
      ],
    },
    want: [
      "requests[0].exactly.count: Invalid value: -1: must be greater than zero",
      "requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
      'requests[2].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
    ],
  },
  {
    name: "with odd selectors and tolerations",
    devices: {
      requests: [
        {
          name: "a",
          exactly: {
            ...exactly,
            selectors: [{}, { cel: { expression: "x".repeat(10241) } }],
            tolerations: [
              { operator: "Exists", value: "v" },
              { key: "k", effect: "Flee" },
            ],
          },
        },
      ],
    },
    want: [
      "requests[0].exactly.selectors[0].cel: Required value",
      "requests[0].exactly.selectors[1].cel.expression: Too long: may not be more than 10240 bytes",
      'requests[0].exactly.tolerations[0].value: Invalid value: "v": must be empty for operator `Exists`',
      'requests[0].exactly.tolerations[1].effect: Unsupported value: "Flee": supported values: "NoExecute", "NoSchedule", "None"',
    ],
  },
  {
    name: "that speaks of other requests",
    devices: {
      requests: [{ name: "any", firstAvailable: [{ name: "x", ...exactly }] }],
      constraints: [{ requests: ["any/x", "any/y", "a/b/c"], matchAttribute: "model" }, {}],
      config: [{ requests: ["other"] }],
    },
    want: [
      "constraints[0].requests[1]: Invalid value: \"any/y\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      "constraints[0].requests[2]: Invalid value: \"a/b/c\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      'constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
      'constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      "config[0].requests[0]: Invalid value: \"other\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
      "config[0].opaque: Required value",
    ],
  },
];

for (const { name, devices, want } of claims)
  for (const kind of ["ResourceClaim", "ResourceClaimTemplate"]) {
    const isTemplate = kind === "ResourceClaimTemplate";
    test(`a ${kind} ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
      const errors = createErrors(group, kind, { spec: isTemplate ? { spec: { devices } } : { devices } });
      const path = isTemplate ? "spec.spec.devices." : "spec.devices.";
      assertLines(
        errors.map((line) => line.replace(path, "")),
        want,
      );
    });
  }

test("claims and templates keep what they claim", () => {
  const other = { devices: { requests: [{ ...request, name: "other" }] } };
  const spec = { devices: { requests: [request] } };
  assertLines(updateErrors(group, "ResourceClaim", { spec }, { spec: other }), [
    /^spec: Invalid value: .*: field is immutable$/,
  ]);
  assertLines(updateErrors(group, "ResourceClaimTemplate", { spec: { spec } }, { spec: { spec: other } }), [
    /^spec: Invalid value: .*: field is immutable$/,
  ]);
  assertLines(updateErrors(group, "ResourceClaim", { spec }, { spec }), []);
});

test("a class says how its devices are chosen and configured", () => {
  const spec = {
    selectors: [{}],
    config: [{ opaque: { driver: "", parameters: [] } }, {}],
    extendedResourceName: "gpu",
  };
  assertLines(createErrors(group, "DeviceClass", { spec }), [
    "spec.selectors[0].cel: Required value",
    "spec.config[0].opaque.driver: Required value",
    'spec.config[0].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
    "spec.config[1].opaque: Required value",
    'spec.extendedResourceName: Invalid value: "gpu": must be a valid extended resource name',
  ]);
  assertLines(
    createErrors(group, "DeviceClass", {
      spec: { config: [{ opaque }], extendedResourceName: "example.com/gpu" },
    }),
    [],
  );
});

const result = { request: "gpu", driver: "gpu.example.com", pool: "node-1", device: "gpu-0" };
const allocation = { devices: { results: [result] } };
const user = { resource: "pods", name: "p", uid: "u" };

const reports: readonly {
  name: string;
  before?: object;
  status: object;
  going?: boolean;
  want: RefusedCase["want"];
}[] = [
  { name: "allocates and reserves", status: { allocation, reservedFor: [user] }, want: [] },
  {
    name: "reserves nothing",
    status: { reservedFor: [user] },
    want: ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"],
  },
  {
    name: "reserves for nobody",
    status: { allocation, reservedFor: [{ resource: "pods" }] },
    want: ["status.reservedFor[0].name: Required value", "status.reservedFor[0].uid: Required value"],
  },
  {
    name: "reserves what is going",
    going: true,
    before: { allocation },
    status: { allocation, reservedFor: [user] },
    want: [
      "status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
    ],
  },
  {
    name: "allocates something else",
    before: { allocation },
    status: { allocation: { devices: { results: [{ ...result, device: "gpu-1" }] } } },
    want: [/^status\.allocation: Invalid value: .*: field is immutable$/],
  },
  {
    name: "allocates what nobody asked for",
    status: {
      allocation: {
        devices: { results: [{ ...result, request: "other", pool: "", bindingConditions: ["a"] }] },
      },
    },
    want: [
      /^status\.allocation\.devices\.results\[0\]\.request: Invalid value: "other": must be the name of a request in the claim/,
      "status.allocation.devices.results[0].pool: Required value",
      "status.allocation.devices.results[0].bindingFailureConditions: Invalid value: []: bindingFailureConditions are required to use bindingConditions",
    ],
  },
  {
    name: "tells of a device that is not allocated, in a network that is none",
    status: {
      allocation,
      devices: [
        {
          driver: "gpu.example.com",
          pool: "node-1",
          device: "gpu-9",
          networkData: { ips: ["10.0.0.1", "2001:DB8::1/64"] },
        },
      ],
    },
    want: [
      'status.devices[0]: Invalid value: "gpu.example.com/node-1/gpu-9": must be an allocated device in the claim',
      'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
      'status.devices[0].networkData.ips[1]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")',
    ],
  },
];

for (const { name, before = {}, status, going = false, want } of reports)
  test(`a report that ${name} is ${want.length === 0 ? "right" : "refused"}`, () => {
    const { strategy } = definitionOf(group, "ResourceClaim");
    const old = frozen({
      ...created(group, "ResourceClaim", { spec: { devices: { requests: [request] } } }),
      status: before,
    });
    const metadata = going ? { ...old.metadata, deletionTimestamp: secondsAgo(1) } : old.metadata;
    assertLines(
      lines(strategy.validateStatusUpdate?.(frozen({ ...old, metadata, status }), old) ?? []),
      want,
    );
  });

const slices: readonly { name: string; spec: object; want: RefusedCase["want"] }[] = [
  { name: "as it should be", spec: {}, want: [] },
  {
    name: "nowhere",
    spec: { nodeName: undefined },
    want: [
      "spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
    ],
  },
  {
    name: "in two places",
    spec: { allNodes: true },
    want: [
      'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
    ],
  },
  {
    name: "of no pool",
    spec: { driver: "", pool: { name: "", generation: -1, resourceSliceCount: 0 } },
    want: [
      "spec.driver: Required value",
      "spec.pool.name: Required value",
      "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
      "spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
    ],
  },
  {
    name: "with one device twice",
    spec: { devices: [device, device] },
    want: ['spec.devices[1]: Duplicate value: "gpu-0"'],
  },
  {
    name: "with too many devices",
    spec: { devices: Array.from({ length: 129 }, (_, index) => ({ name: `d-${index}` })) },
    want: ["spec.devices: Too many: 129: must have at most 128 items"],
  },
  {
    name: "with too many tainted devices",
    spec: {
      devices: Array.from({ length: 65 }, (_, index) => ({
        name: `d-${index}`,
        taints: [{ key: "a", effect: "None" }],
      })),
    },
    want: ["spec.devices: Too many: 65: must have at most 64 items"],
  },
  {
    name: "with odd attributes",
    spec: {
      devices: [
        {
          name: "d",
          attributes: {
            "a-b": { bool: true },
            "a.b/c": { string: "x", int: 1 },
            none: {},
            version: { version: "1.0" },
            long: { string: "x".repeat(65) },
          },
        },
      ],
    },
    want: [
      /^spec\.devices\[0\]\.attributes: Invalid value: "a-b": a valid C identifier must start with/,
      'spec.devices[0].attributes[a.b/c]: Invalid value: {"IntValue":1,"BoolValue":null,"StringValue":"x","VersionValue":null,"IntValues":null,"BoolValues":null,"StringValues":null,"VersionValues":null}: exactly one value must be specified',
      'spec.devices[0].attributes[none]: Invalid value: "": exactly one value must be specified',
      'spec.devices[0].attributes[version].version: Invalid value: "1.0": must be a string compatible with semver.org spec 2.0.0',
      "spec.devices[0].attributes[long].string: Too long: may not be more than 64 bytes",
    ],
  },
  {
    name: "with capacities shared in odd ways",
    spec: {
      devices: [
        { name: "a", capacity: { memory: { value: "8Gi", requestPolicy: {} } } },
        {
          name: "b",
          allowMultipleAllocations: true,
          capacity: {
            values: { value: "8Gi", requestPolicy: { default: "3Gi", validValues: ["2Gi", "1Gi", "9Gi"] } },
            range: {
              value: "8Gi",
              requestPolicy: { default: "512Mi", validRange: { min: "1Gi", max: "10Gi", step: "3Gi" } },
            },
          },
        },
      ],
    },
    want: [
      "spec.devices[0].capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true",
      'spec.devices[1].capacity[values].requestPolicy.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order',
      'spec.devices[1].capacity[values].requestPolicy.validValues[2]: Invalid value: "9Gi": option is larger than capacity value: 8Gi',
      'spec.devices[1].capacity[values].requestPolicy.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy',
      'spec.devices[1].capacity[range].requestPolicy.validRange.default: Invalid value: "512Mi": default is less than min: 1Gi',
      'spec.devices[1].capacity[range].requestPolicy.validRange.max: Invalid value: "10Gi": max is larger than capacity value: 8Gi',
      'spec.devices[1].capacity[range].requestPolicy.validRange.step: Invalid value: "512Mi": value is not a multiple of a given step (3Gi) from (1Gi)',
    ],
  },
  {
    name: "whose devices choose their nodes unasked",
    spec: { devices: [{ ...device, allNodes: true }] },
    want: [
      "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec",
    ],
  },
  {
    name: "whose devices should choose their nodes",
    spec: { nodeName: undefined, perDeviceNodeSelection: true },
    want: [
      "spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec",
    ],
  },
  {
    name: "with counters of nothing",
    spec: { devices: undefined, sharedCounters: [{ name: "", counters: {} }] },
    want: ["spec.sharedCounters[0].name: Required value", "spec.sharedCounters[0].counters: Required value"],
  },
];

for (const { name, spec, want } of slices)
  test(`a slice ${name} is ${want.length === 0 ? "right" : "refused in upstream's words"}`, () => {
    assertLines(createErrors(group, "ResourceSlice", { spec: { ...slice, ...spec } }), want);
  });

test("a slice keeps its driver, pool and node", () => {
  const after = {
    ...slice,
    driver: "other.example.com",
    nodeName: "node-2",
    pool: { ...pool, name: "node-2" },
  };
  assertLines(updateErrors(group, "ResourceSlice", { spec: slice }, { spec: after }), [
    'spec.pool.name: Invalid value: "node-2": field is immutable',
    'spec.driver: Invalid value: "other.example.com": field is immutable',
    'spec.nodeName: Invalid value: "node-2": field is immutable',
  ]);
});

const rows: readonly { kind: string; parts: Parts; want: object }[] = [
  { kind: "ResourceClaim", parts: {}, want: { State: "pending" } },
  {
    kind: "ResourceClaim",
    parts: { status: { allocation, reservedFor: [user] } },
    want: { State: "allocated,reserved" },
  },
  {
    kind: "ResourceClaim",
    parts: { metadata: { deletionTimestamp: secondsAgo(1) }, status: { allocation } },
    want: { State: "deleted,allocated" },
  },
  {
    kind: "ResourceSlice",
    parts: { spec: slice },
    want: { Node: "node-1", Driver: "gpu.example.com", Pool: "node-1" },
  },
];

for (const { kind, parts, want } of rows)
  test(`kubectl get shows a ${kind} as ${Object.values(want).join(" ")}`, () => {
    assert.deepEqual(rowOf(withDefaults(objectOf(group, kind, parts))), want);
  });
