import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url, hexOf } from "./base64.ts";

test("Bytes become base64, base64url and hexadecimal digits as the platform writes them, and come back", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 151 + length * 7) & 255);
    const buffer = Buffer.from(bytes);
    assert.equal(encodeBase64(bytes), buffer.toString("base64"));
    assert.equal(encodeBase64Url(bytes), buffer.toString("base64url"));
    assert.equal(hexOf(bytes), buffer.toString("hex"));
    assert.deepEqual(decodeBase64(encodeBase64(bytes)), bytes);
    assert.deepEqual(decodeBase64Url(encodeBase64Url(bytes)), bytes);
  }
});

test("What is not base64 is refused", () => {
  assert.throws(() => decodeBase64("*"));
  for (const text of ["*", "a+b/", "a b_"]) assert.throws(() => decodeBase64Url(text), text);
});
