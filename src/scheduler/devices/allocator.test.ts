import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "../../api/core/types.generated.ts";
import type {
  Device,
  DeviceClaim,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
  ResourceSliceSpec,
} from "../../api/resource/types.generated.ts";
import { allocate } from "./allocator.ts";
import { createDeviceSelectors } from "./device-selectors.ts";
import { poolsOf } from "./inventory.ts";

const driver = "gpu.example.com";
const selectors = createDeviceSelectors();
const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n1", labels: { zone: "a" } },
  spec: {},
};

function slice(devices: readonly Device[], spec: Partial<ResourceSliceSpec> = {}): ResourceSlice {
  const pool = { name: "n1", generation: 1, resourceSliceCount: 1 };
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceSlice",
    metadata: { name: "s" },
    spec: { driver, pool, nodeName: "n1", devices, ...spec },
  };
}

const gpu = (name: string, model: string, memory: string, more: Partial<Device> = {}): Device => ({
  name,
  attributes: { model: { string: model }, "numa.example.com/node": { int: Number(name.at(-1)) % 2 } },
  capacity: { memory: { value: memory } },
  ...more,
});
const three = [slice([gpu("gpu-0", "a", "8Gi"), gpu("gpu-1", "b", "40Gi"), gpu("gpu-2", "b", "80Gi")])];

const cel = (expression: string) => ({ cel: { expression } });
const classes: Readonly<Record<string, DeviceClass>> = {
  gpus: {
    apiVersion: "resource.k8s.io/v1",
    kind: "DeviceClass",
    metadata: { name: "gpus" },
    spec: {
      selectors: [cel(`device.driver == "${driver}"`)],
      config: [{ opaque: { driver, parameters: { from: "class" } } }],
    },
  },
};

function claim(devices: DeviceClaim): ResourceClaim {
  return {
    apiVersion: "resource.k8s.io/v1",
    kind: "ResourceClaim",
    metadata: { name: "c", namespace: "default" },
    spec: { devices },
  };
}

const exactly = (more: object = {}) => ({ name: "gpu", exactly: { deviceClassName: "gpus", ...more } });

interface Case {
  readonly name: string;
  readonly slices?: readonly ResourceSlice[];
  readonly claims: readonly DeviceClaim[];
  readonly taken?: readonly string[];
  /** "request=device" of each claim; undefined: none can be had. */
  readonly want: readonly (readonly string[])[] | undefined;
}

const cases: readonly Case[] = [
  {
    name: "one of the class is the first that is free",
    claims: [{ requests: [exactly()] }],
    want: [["gpu=gpu-0"]],
  },
  {
    name: "what other claims have is left to them",
    claims: [{ requests: [exactly()] }],
    taken: ["gpu-0"],
    want: [["gpu=gpu-1"]],
  },
  {
    name: "two claims share none",
    claims: [{ requests: [exactly()] }, { requests: [exactly({ count: 2 })] }],
    want: [["gpu=gpu-0"], ["gpu=gpu-1", "gpu=gpu-2"]],
  },
  {
    name: "more than there are cannot be had",
    claims: [{ requests: [exactly({ count: 4 })] }],
    want: undefined,
  },
  {
    name: "a rule looks at attributes and capacity",
    claims: [
      {
        requests: [
          exactly({
            selectors: [
              cel(`device.attributes["${driver}"].model == "b"`),
              cel(`device.capacity["${driver}"].memory.compareTo(quantity("64Gi")) >= 0`),
            ],
          }),
        ],
      },
    ],
    want: [["gpu=gpu-2"]],
  },
  {
    name: "a domain that a device has nothing of is empty",
    claims: [
      { requests: [exactly({ selectors: [cel('!("x" in device.attributes["other.example.com"])')] })] },
    ],
    want: [["gpu=gpu-0"]],
  },
  {
    name: "all that match, or none",
    claims: [
      {
        requests: [
          exactly({ allocationMode: "All", selectors: [cel(`device.attributes["${driver}"].model == "b"`)] }),
        ],
      },
    ],
    want: [["gpu=gpu-1", "gpu=gpu-2"]],
  },
  {
    name: "all cannot be had while one is taken",
    claims: [{ requests: [exactly({ allocationMode: "All" })] }],
    taken: ["gpu-1"],
    want: undefined,
  },
  {
    name: "the first of several wishes that can be met",
    claims: [
      {
        requests: [
          {
            name: "gpu",
            firstAvailable: [
              { name: "many", deviceClassName: "gpus", count: 4 },
              { name: "two", deviceClassName: "gpus", count: 2 },
            ],
          },
        ],
      },
    ],
    want: [["gpu/two=gpu-0", "gpu/two=gpu-1"]],
  },
  {
    name: "devices of one value",
    claims: [
      {
        requests: [exactly({ count: 2 })],
        constraints: [{ matchAttribute: "numa.example.com/node", requests: ["gpu"] }],
      },
    ],
    want: [["gpu=gpu-0", "gpu=gpu-2"]],
  },
  {
    name: "an administrator looks at what others have",
    claims: [{ requests: [exactly({ adminAccess: true })] }],
    taken: ["gpu-0"],
    want: [["gpu=gpu-0"]],
  },
  {
    name: "a tainted device is for those who bear it",
    slices: [
      slice([
        gpu("gpu-0", "a", "8Gi", { taints: [{ key: "broken", effect: "NoSchedule" }] }),
        gpu("gpu-1", "a", "8Gi"),
      ]),
    ],
    claims: [
      { requests: [exactly()] },
      { requests: [exactly({ tolerations: [{ key: "broken", operator: "Exists" }] })] },
    ],
    want: [["gpu=gpu-1"], ["gpu=gpu-0"]],
  },
  {
    name: "those of other nodes are out of reach",
    slices: [slice([gpu("gpu-0", "a", "8Gi")], { nodeName: "n2" })],
    claims: [{ requests: [exactly()] }],
    want: undefined,
  },
  {
    name: "a pool of which a slice is missing offers nothing",
    slices: [
      slice([gpu("gpu-0", "a", "8Gi")], { pool: { name: "n1", generation: 1, resourceSliceCount: 2 } }),
    ],
    claims: [{ requests: [exactly()] }],
    want: undefined,
  },
  {
    name: "only a pool's newest generation counts",
    slices: [
      slice([gpu("gpu-0", "a", "8Gi")]),
      slice([gpu("gpu-9", "a", "8Gi")], { pool: { name: "n1", generation: 2, resourceSliceCount: 1 } }),
    ],
    claims: [{ requests: [exactly()] }],
    want: [["gpu=gpu-9"]],
  },
  {
    name: "parts of one device share its counters",
    slices: [
      slice(
        ["part-0", "part-1", "part-2"].map((name) =>
          gpu(name, "a", "8Gi", {
            consumesCounters: [{ counterSet: "whole", counters: { memory: { value: "20Gi" } } }],
          }),
        ),
        { sharedCounters: [{ name: "whole", counters: { memory: { value: "40Gi" } } }] },
      ),
    ],
    claims: [{ requests: [exactly()] }, { requests: [exactly({ count: 1 })] }, { requests: [exactly()] }],
    want: undefined,
  },
];

for (const { name, slices = three, claims, taken = [], want } of cases) {
  test(`Allocation: ${name}`, () => {
    const market = {
      pools: poolsOf(slices),
      classOf: (each: string) => classes[each],
      selectors,
      taken: new Set(taken.map((device) => `${driver}/n1/${device}`)),
    };
    const results = allocate(claims.map(claim), node, market);
    const got = results?.map(({ devices }) =>
      (devices?.results ?? []).map(({ request, device }) => `${request}=${device}`),
    );
    assert.deepEqual(got, want);
  });
}

const market = {
  pools: poolsOf(three),
  classOf: (each: string) => classes[each],
  selectors,
  taken: new Set<string>(),
};

test("Allocation: it says where the devices can be reached from, and what drivers are to know", () => {
  const config = [{ requests: ["gpu"], opaque: { driver, parameters: { from: "claim" } } }];
  const [result] = allocate([claim({ requests: [exactly()], config })], node, market) ?? [];
  const matchFields = [{ key: "metadata.name", operator: "In", values: ["n1"] }];
  assert.deepEqual(result?.nodeSelector, { nodeSelectorTerms: [{ matchFields }] });
  assert.deepEqual(
    result?.devices?.config?.map(({ source, requests, opaque }) => [source, requests, opaque?.parameters]),
    [
      ["FromClass", ["gpu"], { from: "class" }],
      ["FromClaim", ["gpu"], { from: "claim" }],
    ],
  );
});

for (const { name, request, want } of [
  {
    name: "a class that is not there",
    request: { deviceClassName: "tpus" },
    want: /device class tpus: not found/,
  },
  {
    name: "a rule that cannot be evaluated",
    request: { deviceClassName: "gpus", selectors: [cel(`device.attributes["${driver}"].none == "x"`)] },
    want: /device selector on device gpu\.example\.com\/gpu-0: /,
  },
]) {
  test(`Allocation: ${name} is told, not passed over`, () => {
    assert.throws(
      () => allocate([claim({ requests: [{ name: "gpu", exactly: request }] })], node, market),
      want,
    );
  });
}
