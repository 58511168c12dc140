import assert from "node:assert/strict";
import { test } from "node:test";
import { SetPool } from "./set-pool.ts";

test("equal sets become one, others and long ones stay themselves", () => {
  const pool = new SetPool();
  const first = { "f:a": { "f:b": {} } };
  assert.equal(pool.share(first), first);
  assert.equal(pool.share({ "f:a": { "f:b": {} } }), first);
  const other = { "f:a": {} };
  assert.equal(pool.share(other), other);
  const long = () => ({ [`f:${"x".repeat(5000)}`]: {} });
  const one = long();
  assert.equal(pool.share(one), one);
  assert.notEqual(pool.share(long()), one);
});

test("the pool forgets what was not wanted for long", () => {
  const pool = new SetPool();
  const first = { "f:first": {} };
  pool.share(first);
  for (let index = 0; index < 600; index++) pool.share({ [`f:${index}`]: {} });
  assert.notEqual(pool.share({ "f:first": {} }), first);
});
