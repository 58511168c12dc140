import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { parseRequestInfo } from "../request-info.ts";
import { statusPages } from "./status-pages.ts";

const startedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const pages = statusPages({
  now: () => startedAtMs + 3_725_000,
  startedAtMs,
  version: { program: "1.36.0", language: "k8ts", emulated: "1.36" },
  paths: () => ["/api", "/apis/apps", "/livez", "/livez/ping", "/metrics", "/openapi/v2"],
  flags: new Map([
    ["profiling", "false"],
    ["event-ttl", "2h"],
  ]),
});

async function get(path: string, accept?: string) {
  const query = new URLSearchParams();
  const headers = accept === undefined ? {} : { accept };
  const request: ApiRequest = { method: "GET", path, query, headers, signal: new AbortController().signal };
  const response = await pages.handle(request, parseRequestInfo("GET", path, query));
  return response as ApiResponse; // one of its paths
}

async function textOf(response: ApiResponse): Promise<string> {
  assert.equal(response.type, "bytes");
  let text = "";
  if (response.type === "bytes")
    for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
  return text;
}

test("/statusz tells people since when the server runs, what it is, and where else to look", async () => {
  const text = await textOf(await get("/statusz"));
  assert.match(text, /^\napiserver statusz\nWarning: This endpoint is not meant to be machine parseable/);
  assert.ok(
    text.endsWith(
      "Started: Fri Jan  2 03:04:05 UTC 2026\nUp: 1 hr 02 min 05 sec\nGo version: k8ts\nBinary version: 1.36.0\nEmulation version: 1.36\nPaths: /livez /metrics\n",
    ),
  );
});

test("/flagz tells the flags, in the order of their names", async () => {
  assert.match(await textOf(await get("/flagz", "*/*")), /\n\nevent-ttl=2h\nprofiling=false\n$/);
});

test("both are objects for those who ask for the kind by name", async () => {
  const form = (kind: string, version = "v1beta1", type = "application/json") =>
    `${type};as=${kind};v=${version};g=config.k8s.io`;
  const flags = await get("/flagz", form("Flagz"));
  assert.ok(flags.type === "object");
  assert.deepEqual(flags.object, {
    kind: "Flagz",
    apiVersion: "config.k8s.io/v1beta1",
    metadata: { name: "apiserver" },
    flags: { profiling: "false", "event-ttl": "2h" },
  });
  const status = await get("/statusz", form("Statusz", "v1alpha1", "application/yaml"));
  assert.ok(status.type === "object");
  assert.equal(status.headers["content-type"], "application/yaml");
  assert.match(String(status.headers.warning), /^299 - "This version of the statusz endpoint is deprecated/);
  assert.deepEqual((status.object as { uptimeSeconds?: number }).uptimeSeconds, 3725);
});

for (const accept of [
  "application/json",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Flagz;v=v1beta1;g=config.k8s.io",
  "application/json;as=Statusz;v=v2;g=config.k8s.io",
]) {
  test(`/statusz has nothing for ${accept}`, () =>
    assert.rejects(get("/statusz", accept), {
      message: "only the following media types are accepted: application/json, application/yaml, text/plain",
    }));
}
