import assert from "node:assert/strict";
import { test } from "node:test";
import { assertLines, lines, objectOf } from "../test-support/objects.ts";
import { selectorExpressionErrors } from "./selector-expressions.ts";
import { selectorsOf } from "./selectors-of.ts";
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate } from "./types.generated.ts";

const many = (count: number) => `[${Array.from({ length: count }, (_, index) => index).join(",")}]`;

for (const { expression, want } of [
  { expression: 'device.driver == "gpu.example.com"', want: [] },
  { expression: 'device.attributes["gpu.example.com"].model == "a"', want: [] },
  { expression: 'device.capacity["gpu.example.com"].memory.isGreaterThan(quantity("1Gi"))', want: [] },
  { expression: 'device.attributes["gpu.example.com"].version.isGreaterThan(semver("1.2.3"))', want: [] },
  { expression: '"gpu.example.com" in device.attributes', want: [] },
  { expression: 'device.attributes["gpu.example.com"].isFast', want: [] },
  { expression: "device.allowMultipleAllocations", want: [] },
  {
    expression: 'device.attributes.all(domain, device.attributes[domain].all(name, name.startsWith("a")))',
    want: [],
  },
  {
    expression: "device.color",
    want: [/^x: Invalid value: "device\.color": compilation failed: ERROR: .*undefined field 'color'/s],
  },
  {
    expression: "pod.name",
    want: [/compilation failed: ERROR: .*undeclared reference to 'pod'/s],
  },
  {
    expression: "device.driver ==",
    want: [/compilation failed: ERROR: .*Syntax error/s],
  },
  {
    expression: "1 + 1",
    want: ['x: Invalid value: "1 + 1": must evaluate to bool or the unknown type, not int'],
  },
  {
    expression: `${many(100)}.all(a, ${many(100)}.all(b, ${many(100)}.all(c, a + b + c < 1)))`,
    want: ["x: Forbidden: too complex, exceeds cost limit"],
  },
])
  test(`a rule for devices, ${expression.slice(0, 60)}, is ${want.length === 0 ? "right" : "refused"}`, () => {
    assertLines(lines(selectorExpressionErrors([{ path: "x", expression }])), want);
  });

const selector = (expression: string) => ({ cel: { expression } });
const devices = {
  requests: [
    { name: "a", exactly: { deviceClassName: "c", selectors: [selector("one")] } },
    { name: "b", firstAvailable: [{ name: "x", deviceClassName: "c", selectors: [selector("two"), {}] }] },
  ],
};

for (const { kind, spec, want } of [
  {
    kind: "DeviceClass",
    spec: { selectors: [selector("one")] },
    want: [["spec.selectors[0].cel.expression", "one"]],
  },
  {
    kind: "ResourceClaim",
    spec: { devices },
    want: [
      ["spec.devices.requests[0].exactly.selectors[0].cel.expression", "one"],
      ["spec.devices.requests[1].firstAvailable[0].selectors[0].cel.expression", "two"],
    ],
  },
  {
    kind: "ResourceClaimTemplate",
    spec: { spec: { devices } },
    want: [
      ["spec.spec.devices.requests[0].exactly.selectors[0].cel.expression", "one"],
      ["spec.spec.devices.requests[1].firstAvailable[0].selectors[0].cel.expression", "two"],
    ],
  },
])
  test(`every rule of a ${kind} is found at its place`, () => {
    const object = objectOf("resource.k8s.io/v1", kind, { spec });
    const found = selectorsOf(object as unknown as DeviceClass | ResourceClaim | ResourceClaimTemplate); // of its kind
    assert.deepEqual(
      found.map(({ path, expression }) => [path, expression]),
      want,
    );
  });
