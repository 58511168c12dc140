import assert from "node:assert/strict";
import { test } from "node:test";
import { suggestedLevels, suggestedSchemas } from "../../api/flowcontrol/bootstrap.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "../../api/flowcontrol/types.generated.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import type { ApiResponse, HttpMethod } from "../../client/exchange.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { namesOf, openStages, startTestServer, type TestServer } from "../test-support/server.ts";
import { planConfiguration } from "./configuration-producer.ts";

const api = "/apis/flowcontrol.apiserver.k8s.io/v1";

/** A server with two seats, whose writes of config maps wait until they are let go. */
async function startBusyServer() {
  const held: (() => void)[] = [];
  const holding: AdmissionPlugin = {
    name: "Holding",
    handles: (operation) => operation === "CREATE",
    validate: ({ resource }) =>
      resource.resource === "configmaps" ? new Promise<void>((resolve) => held.push(resolve)) : undefined,
  };
  const test = await startTestServer({
    stages: {
      ...openStages,
      authenticator: {
        authenticate: ({ headers }) => ({ name: headers["x-user"] ?? "", groups: ["system:authenticated"] }),
      },
      admission: [holding],
    },
    dependencies: { flowControl: { maxRequestsInFlight: 1, maxMutatingRequestsInFlight: 1 } },
  });
  await test.server.start();
  const send = (
    user: string,
    method: HttpMethod,
    path: string,
    options: { body?: object; query?: string } = {},
  ) =>
    test.server.handle(
      {
        method,
        path,
        query: new URLSearchParams(options.query),
        headers: { "x-user": user },
        ...(options.body === undefined ? {} : { body: { object: options.body } }),
        signal: new AbortController().signal,
      },
      {},
    );
  const write = (user: string, name: string, query?: string) =>
    send(user, "POST", "/api/v1/namespaces/default/configmaps", {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name } },
      ...(query === undefined ? {} : { query }),
    });
  return { test, held, send, write };
}

async function textOf(response: ApiResponse): Promise<string> {
  if (response.type !== "bytes") return JSON.stringify("object" in response ? response.object : {});
  let text = "";
  for await (const chunk of response.body) text += new TextDecoder().decode(chunk);
  return text;
}

/** Of so few seats a level that wanted none has none, until they are shared anew: every ten seconds. */
async function until(server: TestServer, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 3 && !holds(); turn++) await server.clock.advance(5_000);
  assert.ok(holds());
}

test("A new server has the mandatory and the suggested objects, and says that their levels are there", async () => {
  const { test: server } = await startBusyServer();
  const schemas = await server.ok<KubeList<FlowSchema>>("GET", `${api}/flowschemas`);
  assert.deepEqual(
    schemas.items.map(({ metadata }) => metadata.name).toSorted(),
    ["catch-all", "exempt", ...suggestedSchemas.map(({ metadata }) => metadata.name)].toSorted(),
  );
  assert.equal(namesOf(await server.ok("GET", `${api}/prioritylevelconfigurations`)).length, 8);
  await server.clock.advance(2_500);
  const probes = await server.ok<FlowSchema>("GET", `${api}/flowschemas/probes`);
  assert.deepEqual(
    probes.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
    [["Dangling", "False", "Found"]],
  );
  await server.close();
});

test("A schema whose level is not there is ignored and says so, until the level comes", async () => {
  const { test: server, send } = await startBusyServer();
  const schema = {
    apiVersion: "flowcontrol.apiserver.k8s.io/v1",
    kind: "FlowSchema",
    metadata: { name: "mine" },
    spec: {
      matchingPrecedence: 10,
      priorityLevelConfiguration: { name: "mine" },
      rules: [
        {
          subjects: [{ kind: "User", user: { name: "jane" } }],
          nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
        },
      ],
    },
  };
  const created = await server.ok("POST", `${api}/flowschemas`, { body: schema });
  await server.clock.advance(3_000);
  const dangling = await server.ok<FlowSchema>("GET", `${api}/flowschemas/mine`);
  assert.deepEqual(
    dangling.status?.conditions?.map(({ status, message }) => [status, message]),
    [
      [
        "True",
        'This FlowSchema references the PriorityLevelConfiguration object named "mine" but there is no such object',
      ],
    ],
  );
  const level = await server.ok("POST", `${api}/prioritylevelconfigurations`, {
    body: {
      apiVersion: schema.apiVersion,
      kind: "PriorityLevelConfiguration",
      metadata: { name: "mine" },
      spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } },
    },
  });
  await server.clock.advance(3_000);
  const { headers } = await send("jane", "GET", "/version");
  assert.equal(headers["x-kubernetes-pf-flowschema-uid"], created.metadata.uid);
  assert.equal(headers["x-kubernetes-pf-prioritylevel-uid"], level.metadata.uid);
  assert.equal(
    (await server.ok<FlowSchema>("GET", `${api}/flowschemas/mine`)).status?.conditions?.[0]?.status,
    "False",
  );
  await server.close();
});

test("A request waits for its seat, and is turned away after a quarter of its time", async () => {
  const { test: server, held, write } = await startBusyServer();
  const first = write("jane", "a");
  await until(server, () => held.length === 1);
  const second = write("jane", "b");
  const third = write("joe", "c", "timeout=4s");
  await server.clock.advance(1_100);
  const refused = await third;
  assert.deepEqual(
    [refused.status, refused.headers["retry-after"], await textOf(refused)],
    [429, "1", "Too many requests, please try again later.\n"],
  );
  held[0]?.();
  assert.equal((await first).status, 201);
  await until(server, () => held.length === 2);
  held[1]?.();
  assert.equal((await second).status, 201);
  await server.close();
});

test("The dumps show what waits and what is carried out", async () => {
  const { test: server, held, write, send } = await startBusyServer();
  const requests = [write("jane", "a")];
  await until(server, () => held.length === 1);
  requests.push(write("jane", "b"));
  await server.clock.settle();
  const dump = async (name: string) => {
    const response = await server.call("GET", `/debug/api_priority_and_fairness/${name}`, {
      query: { includeRequestDetails: "1" },
    });
    return (await textOf(response)).split("\n").map((line) => line.split(/,\s*/).map((cell) => cell.trim()));
  };
  const levels = await dump("dump_priority_levels");
  const own = levels.find(([name]) => name === "global-default");
  assert.deepEqual(own?.slice(0, 7), ["global-default", "1", "false", "false", "1", "1", "1"]);
  const rows = (await dump("dump_requests")).filter(([name]) => name === "global-default");
  assert.deepEqual(
    rows.map((row) => [row[1], row[4], row[6], row[10], row[11], row[16]]),
    [
      ["global-default", "jane", "1", "jane", "create", "configmaps"],
      ["global-default", "jane", "1", "jane", "create", "configmaps"],
    ],
  );
  assert.ok(
    (await dump("dump_queues")).some(([name, , pending]) => name === "global-default" && pending === "1"),
  );
  assert.equal((await send("jane", "GET", "/livez")).status, 200, "probes are exempt");
  const metrics = await textOf(await server.call("GET", "/metrics"));
  assert.match(
    metrics,
    /apiserver_flowcontrol_current_inqueue_requests\{priority_level="global-default",flow_schema="global-default"\} 1\n/,
  );
  while (requests.length > 0) {
    await until(server, () => held.length > 0);
    held.shift()?.();
    await requests.shift();
  }
  await server.close();
});

test("A suggested object follows the server until somebody takes it over; a mandatory one always does", async () => {
  const [level] = suggestedLevels;
  if (level === undefined) return assert.fail("there are suggested levels");
  const change = (metadata: object, shares: number): PriorityLevelConfiguration => ({
    ...level,
    metadata: { ...level.metadata, ...metadata },
    spec: { ...level.spec, limited: { ...level.spec.limited, nominalConcurrencyShares: shares } },
  });
  const annotated = (value: string) => ({ annotations: { "apf.kubernetes.io/autoupdate-spec": value } });
  const shares = ({ spec }: PriorityLevelConfiguration) => spec.limited?.nominalConcurrencyShares;
  for (const { name, existing, mandatory = false, want } of [
    { name: "missing", existing: [], want: ["create 30 true"] },
    { name: "as it should be", existing: [change({}, 30)], want: [] },
    { name: "drifted", existing: [change(annotated("true"), 7)], want: ["update 30 true"] },
    { name: "taken over", existing: [change(annotated("false"), 7)], want: [] },
    {
      name: "changed, with no word about it",
      existing: [change({ annotations: {}, generation: 2 }, 7)],
      want: ["update 7 false"],
    },
    {
      name: "never changed",
      existing: [change({ annotations: {}, generation: 1 }, 7)],
      want: ["update 30 true"],
    },
    {
      name: "mandatory",
      existing: [change(annotated("false"), 7)],
      mandatory: true,
      want: ["update 30 true"],
    },
    {
      name: "no longer suggested",
      existing: [change({}, 30), change({ name: "old" }, 1)],
      want: ["delete 1 true"],
    },
    {
      name: "somebody's own",
      existing: [change({}, 30), change({ name: "own", annotations: {} }, 1)],
      want: [],
    },
  ]) {
    const wanted: Parameters<typeof planConfiguration<PriorityLevelConfiguration>>[0] = mandatory
      ? { mandatory: [level], suggested: [] }
      : { mandatory: [], suggested: [level] };
    const steps = planConfiguration(wanted, existing).map(
      ({ action, object }) =>
        `${action} ${shares(object)} ${object.metadata.annotations?.["apf.kubernetes.io/autoupdate-spec"]}`,
    );
    assert.deepEqual(steps, want, name);
  }
});

test("What is deleted or bent of the mandatory objects comes back within a minute", async () => {
  const { test: server } = await startBusyServer();
  const path = `${api}/flowschemas/catch-all`;
  const before = await server.ok<AnyObject>("GET", path);
  await server.ok("DELETE", path);
  await server.clock.advance(61_000);
  const after = await server.ok<AnyObject>("GET", path);
  assert.notEqual(after.metadata.uid, before.metadata.uid);
  const bent = await server.object<{ message?: string }>("PUT", path, {
    body: { ...after, spec: { ...(after as unknown as FlowSchema).spec, matchingPrecedence: 9000 } },
  });
  assert.match(bent.message ?? "", /spec of 'catch-all' must equal the fixed value/);
  await server.close();
});
