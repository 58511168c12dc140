import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityMilliValue,
  quantityValue,
  subtractQuantity,
} from "./quantity.ts";

for (const [input, want] of [
  ["0", "0"],
  ["0Gi", "0"],
  ["1", "1"],
  ["100m", "100m"],
  ["1000m", "1"],
  ["0.5", "500m"],
  ["1.5", "1500m"],
  ["1.50", "1500m"],
  ["1.500", "1.500"],
  ["1024Mi", "1Gi"],
  ["1Gi", "1Gi"],
  ["1.5Gi", "1536Mi"],
  ["0.5Ki", "512"],
  ["1023Ki", "1023Ki"],
  ["0.1Mi", "104857600m"],
  ["1000k", "1M"],
  ["1e3", "1e3"],
  ["1000e0", "1e3"],
  ["12e-3", "12e-3"],
  ["1E", "1E"],
  ["1E3", "1E3"],
  ["0.0000000001", "1n"],
  ["-1.5", "-1500m"],
  ["+5", "+5"],
  [".5", "500m"],
  ["5.", "5."],
  ["99999999999Ei", "9223372036854775807"],
  ["1000000", "1M"],
  ["129M", "129M"],
  ["100", "100"],
  [2, "2"],
  [0.25, "250m"],
] as const) {
  test(`quantity ${input} is written ${want}`, () => assert.equal(canonicalQuantity(input), want));
}

for (const [input, message] of [
  ["", /regular expression/],
  ["abc", /regular expression/],
  ["1.2.3", /regular expression/],
  ["1 Gi", /regular expression/],
  ["5Kim", /suffix/],
  ["1i", /suffix/],
  ["1e999999999", /suffix/],
] as const) {
  test(`quantity ${JSON.stringify(input)} is refused`, () =>
    assert.throws(
      () => parseQuantity(input),
      (error) => error instanceof QuantityError && message.test(error.message),
    ));
}

test("quantity arithmetic is exact and keeps the first operand's notation", () => {
  const sum = addQuantity(parseQuantity("512Mi"), parseQuantity("512Mi"));
  assert.equal(formatQuantity(sum), "1Gi");
  assert.equal(formatQuantity(addQuantity(parseQuantity("0.1"), parseQuantity("0.2"))), "300m");
  assert.equal(formatQuantity(addQuantity(parseQuantity("0"), parseQuantity("1Gi"))), "1Gi");
  assert.equal(formatQuantity(subtractQuantity(parseQuantity("1"), parseQuantity("250m"))), "750m");
  assert.equal(compareQuantity(parseQuantity("1Gi"), parseQuantity("1G")), 1);
  assert.equal(compareQuantity(parseQuantity("1000m"), parseQuantity("1")), 0);
});

for (const [input, value, milli] of [
  ["100m", 1, 100],
  ["1500m", 2, 1500],
  ["2", 2, 2000],
  ["128Mi", 134217728, 134217728000],
  ["0.5", 1, 500],
  ["1n", 1, 1],
  ["1Ti", 1099511627776, 1099511627776000],
  ["-1500m", -2, -1500],
] as const) {
  test(`quantity ${input} is ${value} units or ${milli} thousandths`, () => {
    assert.equal(quantityValue(input), value);
    assert.equal(quantityMilliValue(input), milli);
    assert.equal(quantityValue(parseQuantity(input)), value);
    assert.equal(quantityMilliValue(parseQuantity(input)), milli);
  });
}
