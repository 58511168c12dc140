import assert from "node:assert/strict";
import { test } from "node:test";
import { serverIdentity } from "./server-identity.ts";

test("a server's name is upstream's hash of its host's", () => {
  assert.deepEqual(serverIdentity({ address: "fd00::1", port: 6443 }, "kind-control-plane"), {
    name: "apiserver-c7uylvfxlbqccnk6myfkwetzze",
    hostname: "kind-control-plane",
    peerAddress: "[fd00::1]:6443",
  });
});
