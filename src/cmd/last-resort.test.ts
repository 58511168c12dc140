import assert from "node:assert/strict";
import { test } from "node:test";
import { isConnectionError } from "./last-resort.ts";

for (const { code, want } of [
  { code: "ECONNRESET", want: true },
  { code: "EPIPE", want: true },
  { code: "ERR_STREAM_PREMATURE_CLOSE", want: true },
  { code: "ERR_HTTP2_STREAM_ERROR", want: true },
  { code: "ERR_ASSERTION", want: false },
  { code: "ERR_INVALID_ARG_TYPE", want: false },
  { code: undefined, want: false },
]) {
  test(`An error with code ${code} ${want ? "is a connection's" : "is the program's own"}`, () => {
    assert.equal(isConnectionError(Object.assign(new Error("x"), code === undefined ? {} : { code })), want);
  });
}
