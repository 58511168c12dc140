import assert from "node:assert/strict";
import { after, test } from "node:test";
import { HistogramSeries, numberSeries } from "../../base/metrics/series.ts";
import { textOf } from "../../base/metrics/text-format.ts";
import type { ApiResponse, HttpMethod } from "../../client/exchange.ts";
import { parseRequestInfo } from "../request-info.ts";
import { openStages, startTestServer } from "../test-support/server.ts";
import { wantsProtobuf } from "./handler.ts";
import { protobufOf } from "./protobuf-format.ts";
import { scopeOf, verbOf } from "./request-metrics.ts";

const server = await startTestServer({
  stages: {
    ...openStages,
    authenticator: {
      authenticate: ({ headers }) =>
        headers.authorization === undefined ? undefined : { name: "jane", groups: ["system:authenticated"] },
    },
    admission: [{ name: "Nothing", handles: () => true, admit: ({ object }) => object, validate: () => {} }],
  },
});
after(() => server.close());

async function bytesOf(response: ApiResponse): Promise<Buffer> {
  assert.equal(response.type, "bytes");
  const chunks: Uint8Array[] = [];
  if (response.type === "bytes") for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As a request from the network, answered with so many bytes. */
async function send(method: HttpMethod, target: string, body?: object, bytes = 10): Promise<ApiResponse> {
  const { pathname, searchParams } = new URL(target, "http://x");
  const answered: ((bytes: number) => void)[] = [];
  const response = await server.server.handle(
    {
      method,
      path: pathname,
      query: searchParams,
      headers: { authorization: "Bearer x" },
      ...(body === undefined ? {} : { body: { object: body } }),
      signal: new AbortController().signal,
    },
    { onAnswered: (callback) => answered.push(callback) },
  );
  for (const callback of answered) callback(bytes);
  return response;
}

async function scrape(): Promise<string> {
  return (await bytesOf(await server.call("GET", "/metrics"))).toString();
}

await server.server.start();
await send("POST", "/api/v1/namespaces/default/configmaps?dryRun=All", {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a" },
});
await send("POST", "/api/v1/namespaces/default/configmaps", {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a" },
});
await send("GET", "/api/v1/configmaps", undefined, 2000);
await send("GET", "/api/v1/endpoints");
await send("GET", "/readyz");
for (let path = 0; path < 50; path++) await send("GET", `/apis/nobody.example/v1/things${path}`);
const watch = await send("GET", "/api/v1/namespaces/default/configmaps?watch=1");
if (watch.type === "watch") for await (const _ of watch.events) break;
const text = await scrape();

const place = "verb group version resource subresource scope component";
const dryPlace = place.replace("verb", "verb dry_run");
for (const [name, type, labels] of [
  ["apiserver_request_total", "counter", `${dryPlace} code`],
  ["apiserver_request_duration_seconds", "histogram", dryPlace],
  ["apiserver_request_sli_duration_seconds", "histogram", place],
  ["apiserver_response_sizes", "histogram", place],
  ["apiserver_longrunning_requests", "gauge", place],
  ["apiserver_current_inflight_requests", "gauge", "request_kind"],
  ["apiserver_watch_events_total", "counter", "group version resource"],
  ["apiserver_watch_events_sizes", "histogram", "group version resource"],
  ["apiserver_tls_handshake_errors_total", "counter", ""],
  ["apiserver_requested_deprecated_apis", "gauge", "group version resource subresource removed_release"],
  ["apiserver_admission_controller_admission_duration_seconds", "histogram", "name type operation rejected"],
  ["apiserver_admission_step_admission_duration_seconds", "histogram", "type operation rejected"],
  ["apiserver_storage_objects", "gauge", "resource"],
  ["apiserver_storage_events_received_total", "counter", "group resource"],
  ["apiserver_watch_cache_events_received_total", "counter", "group resource"],
  ["apiserver_watch_cache_initializations_total", "counter", "group resource"],
  ["apiserver_resource_objects", "gauge", "group resource"],
  ["etcd_request_duration_seconds", "histogram", "operation group resource"],
  ["etcd_requests_total", "counter", "operation group resource"],
  ["apiserver_cache_list_total", "counter", "group resource index"],
  ["apiserver_cache_list_returned_objects_total", "counter", "group resource"],
  ["authenticated_user_requests", "counter", "username"],
  ["authentication_attempts", "counter", "result"],
  ["authentication_duration_seconds", "histogram", "result"],
  ["authorization_attempts_total", "counter", "result"],
  ["authorization_duration_seconds", "histogram", "result"],
  ["apiserver_flowcontrol_dispatched_requests_total", "counter", "priority_level flow_schema"],
  ["apiserver_flowcontrol_current_inqueue_requests", "gauge", "priority_level flow_schema"],
  ["apiserver_flowcontrol_current_executing_requests", "gauge", "priority_level flow_schema"],
  ["apiserver_flowcontrol_current_executing_seats", "gauge", "priority_level flow_schema"],
  ["apiserver_flowcontrol_request_wait_duration_seconds", "histogram", "priority_level flow_schema execute"],
  ["apiserver_flowcontrol_request_execution_seconds", "histogram", "priority_level flow_schema type"],
  ["apiserver_flowcontrol_nominal_limit_seats", "gauge", "priority_level"],
  ["apiserver_flowcontrol_current_limit_seats", "gauge", "priority_level"],
  ["apiserver_cel_compilation_duration_seconds", "histogram", ""],
  ["apiserver_cel_evaluation_duration_seconds", "histogram", ""],
  ["kubernetes_feature_enabled", "gauge", "name stage"],
  [
    "kubernetes_build_info",
    "gauge",
    "major minor git_version git_commit git_tree_state build_date go_version compiler platform",
  ],
  ["process_cpu_seconds_total", "counter", ""],
  ["process_resident_memory_bytes", "gauge", ""],
  ["process_start_time_seconds", "gauge", ""],
] as const) {
  test(`${name} is a ${type} by ${labels === "" ? "nothing" : labels}`, () => {
    assert.match(text, new RegExp(`^# TYPE ${name} ${type}$`, "m"));
    const suffix = type === "histogram" ? "_count" : "";
    const line = text.split("\n").find((each) => new RegExp(`^${name}${suffix}[{ ]`).test(each));
    assert.equal([...(line ?? "none").matchAll(/([a-z_]+)="/g)].map((match) => match[1]).join(" "), labels);
  });
}

test("Requests are counted by verb, code and whether they were a trial", () => {
  const at = 'group="",version="v1",resource="configmaps",subresource=""';
  for (const line of [
    `apiserver_request_total{verb="POST",dry_run="All",${at},scope="resource",component="apiserver",code="201"} 1`,
    `apiserver_request_total{verb="LIST",dry_run="",${at},scope="cluster",component="apiserver",code="200"} 1`,
    `apiserver_response_sizes_bucket{verb="LIST",${at},scope="cluster",component="apiserver",le="10000"} 1`,
    `apiserver_request_total{verb="WATCH",dry_run="",${at},scope="namespace",component="apiserver",code="200"} 1`,
    'apiserver_watch_events_total{group="",version="v1",resource="configmaps"} 1',
    'authentication_attempts{result="success"} 56',
    'authenticated_user_requests{username="other"} 56',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test("Health checks stand among the service level indicators alone", async () => {
  const indicators = (await bytesOf(await server.call("GET", "/metrics/slis"))).toString();
  assert.match(indicators, /^kubernetes_healthcheck\{name="ping",type="readyz"\} 1$/m);
  assert.match(indicators, /^# TYPE kubernetes_healthchecks_total counter$/m);
  assert.doesNotMatch(text, /^kubernetes_healthcheck/m);
});

test("What is turned away before it comes to a resource is not counted, as upstream does not", async () => {
  assert.ok(!text.includes("things"));
  assert.doesNotMatch(text, /^apiserver_request_total\{.*code="(401|404|405)"/m);
});

for (const [path, subresource] of [
  ["/readyz", "/readyz"],
  ["/openapi/v3", "openapi/v3"],
  ["/version", undefined],
  ["/apis", undefined],
  ["/healthz/ping", undefined],
] as const)
  test(`the path ${path} is counted as ${subresource ?? "nothing"}`, async () => {
    await send("GET", path);
    const counted = (await scrape())
      .split("\n")
      .filter((line) => line.startsWith("apiserver_request_total{"));
    const at = (name: string) =>
      counted.some((line) => line.includes(`subresource="${name}",scope="",component="",code=`));
    assert.equal(at(subresource ?? path), subresource !== undefined);
  });

test("Nothing is told under names that upstream hides", () => {
  assert.doesNotMatch(text, /request_slo_duration|request_concurrency_limit|storage_db_total_size/);
});

for (const { method = "GET", target, headers = {}, want } of [
  { target: "/api/v1/pods", want: "LIST cluster" },
  { target: "/api/v1/namespaces/n/pods", want: "LIST namespace" },
  { target: "/api/v1/namespaces/n/pods/p", want: "GET resource" },
  { target: "/api/v1/pods?watch=true", want: "WATCH cluster" },
  { target: "/api/v1/watch/pods", want: "WATCH cluster" },
  { target: "/api/v1/namespaces/n/pods/p/log", want: "CONNECT resource" },
  { method: "POST", target: "/api/v1/namespaces/n/pods", want: "POST resource" },
  { method: "DELETE", target: "/api/v1/namespaces/n/pods", want: "DELETE namespace" },
  {
    method: "PATCH",
    target: "/api/v1/nodes/n",
    headers: { "content-type": "application/apply-patch+yaml" },
    want: "APPLY resource",
  },
  { method: "PATCH", target: "/api/v1/nodes/n", want: "PATCH resource" },
  { method: "OPTIONS", target: "/api/v1/nodes/n", want: "other resource" },
  { target: "/healthz", want: "GET " },
] as const) {
  test(`${method} ${target} is reported as ${want}`, () => {
    const { pathname: path, searchParams: query } = new URL(target, "http://x");
    const request = {
      method: method as HttpMethod,
      path,
      query,
      headers,
      signal: new AbortController().signal,
    };
    const info = parseRequestInfo(request.method, path, query);
    assert.equal(`${verbOf(request, info)} ${scopeOf(info)}`, want);
  });
}

const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
for (const [accept, want] of [
  [undefined, false],
  ["*/*", false],
  ["text/plain;version=0.0.4", false],
  [protobuf, true],
  [`${protobuf};q=0.3,text/plain;q=0.5`, false],
  [`${protobuf};q=0.6,application/openmetrics-text;q=0.9,text/plain;q=0.5`, true],
  ["application/openmetrics-text;version=1.0.0", false],
] as const)
  test(`A scrape that accepts ${accept ?? "anything"} gets ${want ? "protobuf" : "text"}`, () =>
    assert.equal(wantsProtobuf(accept), want));

test("A scrape in protobuf holds the same", async () => {
  const response = await server.call("GET", "/metrics", { headers: { accept: protobuf } });
  assert.match(String(response.headers["content-type"]), /^application\/vnd\.google\.protobuf/);
  const bytes = await bytesOf(response);
  assert.ok(bytes.includes("apiserver_request_total") && bytes.includes("configmaps"));
});

test("A family in both formats", () => {
  const value = new HistogramSeries([1, 1e6]);
  value.observe(0.5);
  value.observe(2_000_000, 2);
  const families = [
    {
      name: "a",
      help: "A\nb",
      type: "histogram" as const,
      labelNames: ["x"],
      points: [{ labels: ['q"'], value }],
    },
    { name: "b", help: "", type: "gauge" as const, labelNames: [], points: [{ labels: [], value: 1.5 }] },
    { name: "empty", help: "", type: "gauge" as const, labelNames: [], points: [] },
  ];
  assert.equal(
    textOf(families),
    [
      "# HELP a A\\nb",
      "# TYPE a histogram",
      'a_bucket{x="q\\"",le="1"} 1',
      'a_bucket{x="q\\"",le="1e+06"} 1',
      'a_bucket{x="q\\"",le="+Inf"} 3',
      'a_sum{x="q\\""} 4.0000005e+06',
      'a_count{x="q\\""} 3',
      "# HELP b ",
      "# TYPE b gauge",
      "b 1.5",
      "",
    ].join("\n"),
  );
  assert.equal(
    Buffer.from(protobufOf(families.slice(1))).toString("hex"),
    // 20 bytes: name "b", help "", type gauge, and a metric whose gauge is 1.5
    "14" + "0a0162" + "1200" + "1801" + "220b" + "1209" + "09000000000000f83f",
  );
});

test("Hostile label values fill no memory", () => {
  const series = numberSeries();
  for (let name = 0; name < 5000; name++) series.of(`user-${name}`).value++;
  let count = 0;
  series.visit(() => count++);
  assert.ok(count <= 2001);
  assert.equal(series.of("").value, 3000);
});
