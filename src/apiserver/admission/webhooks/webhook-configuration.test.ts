import assert from "node:assert/strict";
import { test } from "node:test";
import { userAt } from "./webhook-configuration.ts";

const users = (...names: string[]) => ({
  clusters: {},
  users: Object.fromEntries(names.map((name) => [name, { token: name }])),
  contexts: { c: { cluster: "", user: "current" } },
  currentContext: "c",
});

for (const { name, at, among, want } of [
  { name: "its own", at: "a.b.svc:8443", among: ["*", "a.b.svc:8443", "*.b.svc:8443"], want: "a.b.svc:8443" },
  {
    name: "that of the longest star",
    at: "a.b.svc:443",
    among: ["*.svc:443", "*.b.svc:443"],
    want: "*.b.svc:443",
  },
  {
    name: "one with the port before one without",
    at: "a.b.svc:443",
    among: ["a.b.svc", "*.svc:443"],
    want: "*.svc:443",
  },
  { name: "one without the port 443", at: "a.b.svc:443", among: ["a.b.svc", "*"], want: "a.b.svc" },
  { name: "a star without it", at: "a.b.svc:443", among: ["*.svc", "*"], want: "*.svc" },
  { name: "none without another port", at: "a.b.svc:8443", among: ["a.b.svc", "current"], want: "current" },
  { name: "that of all", at: "10.0.0.1:443", among: ["*", "current"], want: "*" },
  { name: "nobody", at: "a:1", among: ["b"], want: undefined },
])
  test(`a webhook's user in a kubeconfig is ${name}`, () =>
    assert.equal(userAt(users(...among), at)?.token, want));
