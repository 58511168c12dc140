import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hexOf } from "./base64.ts";
import { sha256 } from "./sha256.ts";

test("sha256 agrees with the platform's for every length around the block's and for long ones", () => {
  for (const length of [...Array.from({ length: 200 }, (_, index) => index), 1000, 65_537]) {
    const message = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 255);
    assert.equal(hexOf(sha256(message)), createHash("sha256").update(message).digest("hex"), `${length}`);
  }
});
