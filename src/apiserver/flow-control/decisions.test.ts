import assert from "node:assert/strict";
import { test } from "node:test";
import { catchAllSchema, exemptSchema, suggestedSchemas } from "../../api/flowcontrol/bootstrap.ts";
import type { HttpMethod } from "../../client/exchange.ts";
import { parseRequestInfo } from "../request-info.ts";
import { adjustBorrowing, type BorrowingLevel } from "./borrowing.ts";
import { byPrecedence, matchesSchema } from "./classification.ts";
import { allocate } from "./concurrency-allocation.ts";
import { RetryAfter } from "./retry-after.ts";
import { SeatDemand } from "./seat-demand.ts";
import { dealHand, flowHash } from "./shuffle-sharding.ts";
import { WatchCounts } from "./watch-counts.ts";
import { estimateWork } from "./work-estimate.ts";

const schemas = [exemptSchema, ...suggestedSchemas, catchAllSchema].toSorted(byPrecedence);
const node = { name: "system:node:n", groups: ["system:nodes", "system:authenticated"] };
const account = (namespace: string) => ({
  name: `system:serviceaccount:${namespace}:a`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
});
const somebody = { name: "jane", groups: ["system:authenticated"] };
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/l";

for (const { user, method = "GET", path, want } of [
  { user: { name: "admin", groups: ["system:masters"] }, path: "/api/v1/pods", want: "exempt" },
  { user: { name: "system:anonymous", groups: ["system:unauthenticated"] }, path: "/readyz", want: "probes" },
  { user: somebody, path: "/livez/ping", want: "probes" },
  { user: somebody, path: "/version", want: "global-default" },
  { user: somebody, path: "/api/v1/namespaces/n/pods/p", want: "global-default" },
  { user: node, method: "PUT", path: leases, want: "system-node-high" },
  { user: node, method: "PATCH", path: "/api/v1/nodes/n/status", want: "system-node-high" },
  { user: node, path: "/api/v1/pods", want: "system-nodes" },
  { user: account("kube-system"), method: "PUT", path: leases, want: "system-leader-election" },
  { user: account("kube-system"), path: "/api/v1/pods", want: "kube-system-service-accounts" },
  { user: account("kube-system-too"), path: "/api/v1/pods", want: "service-accounts" },
  {
    user: { name: "system:kube-scheduler", groups: ["system:authenticated"] },
    method: "POST",
    path: "/api/v1/namespaces/n/pods/p/binding",
    want: "kube-scheduler",
  },
  { user: { name: "nobody", groups: [] }, path: "/api/v1/pods", want: undefined },
] as const) {
  test(`${method} ${path} of ${user.name} is judged by ${want ?? "nothing"}`, () => {
    const info = parseRequestInfo(method as HttpMethod, path, new URLSearchParams());
    const found = schemas.find((schema) => matchesSchema(schema, info, user));
    assert.equal(found?.metadata.name, want);
  });
}

test("A hand has different cards, all of the deck, and is the same for the same flow", () => {
  const hands = new Set<string>();
  for (let flow = 0; flow < 500; flow++) {
    const hash = flowHash(7, "schema", `user-${flow}`);
    const hand = dealHand(hash, 64, 6);
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((card) => card >= 0 && card < 64));
    assert.deepEqual(dealHand(flowHash(7, "schema", `user-${flow}`), 64, 6), hand);
    hands.add(hand.toSorted().join());
  }
  assert.ok(hands.size > 490, "hardly two flows have the same hand");
});

test("All cards of a deck are dealt about as often", () => {
  const dealt = new Array<number>(16).fill(0);
  for (let flow = 0; flow < 4000; flow++)
    for (const card of dealHand(flowHash(1, "s", String(flow)), 16, 4)) dealt[card] = (dealt[card] ?? 0) + 1;
  for (const count of dealt) assert.ok(Math.abs(count - 1000) < 150, `${dealt}`);
});

for (const { name, total, items, want } of [
  {
    name: "shares by targets",
    total: 30,
    items: [
      [10, 0, 99],
      [20, 0, 99],
    ],
    want: [10, 20],
  },
  {
    name: "keeps lower bounds",
    total: 30,
    items: [
      [10, 20, 99],
      [20, 0, 99],
    ],
    want: undefined,
  },
  {
    name: "keeps who has a floor above its share there",
    total: 10,
    items: [
      [5, 5, 99],
      [95, 0, 99],
    ],
    want: [5, 5],
  },
  {
    name: "gives what one may not take to the others",
    total: 30,
    items: [
      [50, 0, 5],
      [10, 0, 99],
      [10, 0, 99],
    ],
    want: [5, 12.5, 12.5],
  },
  {
    name: "gives the least where there is no more",
    total: 3,
    items: [
      [9, 1, 9],
      [9, 2, 9],
    ],
    want: [1, 2],
  },
  {
    name: "cannot give more than all may take",
    total: 30,
    items: [
      [1, 0, 5],
      [1, 0, 5],
    ],
    want: undefined,
  },
] as const) {
  test(`Seats: ${name}`, () => {
    const result = allocate(
      total,
      items.map(([target, lower, upper]) => ({ target: Math.max(target, lower), lower, upper })),
    );
    if (name === "keeps lower bounds")
      return assert.equal(
        result?.seats.reduce((sum, each) => sum + each, 0),
        30,
      );
    assert.deepEqual(
      result?.seats.map((seats) => Math.round(seats * 1000) / 1000),
      want,
    );
  });
}

const quiet: BorrowingLevel = {
  isExempt: false,
  nominal: 100,
  lower: 50,
  upper: 200,
  current: 100,
  highWatermark: 0,
  smoothed: 0,
};

test("A level that wants more borrows what others do not need, down to what they never lend", () => {
  const busy = { ...quiet, lower: 100, highWatermark: 500, smoothed: 500 };
  const { levels } = adjustBorrowing([busy, quiet]);
  assert.deepEqual(
    levels.map(({ current }) => current),
    [150, 50],
  );
});

test("What exempt requests take is gone for the others, but not below their floor", () => {
  const exempt = { ...quiet, isExempt: true, nominal: 0, lower: 0, upper: 300, highWatermark: 120 };
  assert.deepEqual(
    adjustBorrowing([exempt, { ...quiet, highWatermark: 100, smoothed: 100 }]).levels.map(
      ({ current }) => current,
    ),
    [120, 50],
  );
});

test("Demand is what was wanted over time, and its highest", () => {
  const demand = new SeatDemand(0);
  demand.set(10, 0);
  demand.set(0, 500);
  assert.deepEqual(demand.take(1000), { durationMs: 1000, average: 5, deviation: 5, highWatermark: 10 });
  assert.equal(demand.take(2000).highWatermark, 0);
});

test("Who is turned away again and again is told to wait longer, and less when it gets quiet", () => {
  const retry = new RetryAfter();
  assert.equal(retry.seconds, 1);
  for (let second = 1; second <= 60; second++)
    for (let request = 0; request < 200; request++) retry.note(second * 1000);
  assert.equal(retry.seconds, 32);
  for (let second = 1000; second < 3000; second += 50) retry.note(second * 1000);
  assert.equal(retry.seconds, 1);
});

for (const { name, method = "GET", path = "/api/v1/pods", query = "", stats, watches = 0, max = 0, want } of [
  { name: "a get", path: "/api/v1/namespaces/n/pods/p", want: [1, 0, 0] },
  { name: "a list of a resource nobody has listed yet", want: [1, 0, 0] },
  { name: "a list of few objects", stats: [100, 900], want: [1, 0, 0] },
  { name: "a list from the cache, which is streamed", stats: [30_000, 3000], want: [10, 0, 0] },
  { name: "a page of it", query: "limit=100", stats: [30_000, 3000], want: [3, 0, 0] },
  {
    name: "a later page, which storage reads",
    query: "limit=1000&continue=x",
    stats: [30_000, 3000],
    want: [30, 0, 0],
  },
  {
    name: "a page of a version of the past",
    query: "limit=1000&resourceVersion=7",
    stats: [30_000, 3000],
    want: [30, 0, 0],
  },
  {
    name: "one object by its name, where there is none",
    query: "fieldSelector=metadata.name%3Da",
    stats: [0, 0],
    want: [1, 0, 0],
  },
  {
    name: "a page of storage with a selector",
    query: "limit=10&continue=x&labelSelector=a",
    stats: [30_000, 3000],
    want: [100, 0, 0],
  },
  { name: "a list where the level allows less", stats: [30_000, 3000], max: 4, want: [4, 0, 0] },
  { name: "a watch from now", query: "watch=1&resourceVersion=7", stats: [30_000, 3000], want: [1, 0, 0] },
  {
    name: "a streaming list",
    query: "watch=1&resourceVersion=7&sendInitialEvents=true",
    stats: [30_000, 3000],
    want: [10, 0, 0],
  },
  { name: "a write that few watch", method: "POST", watches: 9, want: [1, 0, 0] },
  { name: "a write that fifty watch", method: "POST", watches: 50, want: [1, 5, 5] },
  {
    name: "a write that five hundred watch holds fewer seats for longer",
    method: "POST",
    watches: 500,
    want: [1, 10, 25],
  },
  {
    name: "a token, which nobody watches",
    method: "POST",
    path: "/api/v1/namespaces/n/serviceaccounts/a/token",
    watches: 50,
    want: [1, 0, 0],
  },
] as const) {
  test(`Work: ${name}`, () => {
    const search = new URLSearchParams(query);
    const info = parseRequestInfo(method as HttpMethod, path, search);
    const [objectCount, averageBytes] = stats ?? [];
    const { initialSeats, finalSeats, additionalMs } = estimateWork(info, search, max, {
      statsOf: () =>
        objectCount === undefined || averageBytes === undefined ? undefined : { objectCount, averageBytes },
      watchCountOf: () => watches,
    });
    assert.deepEqual([initialSeats, finalSeats, additionalMs], want);
  });
}

test("A write concerns the watches of all, of its namespace and of its name", () => {
  const counts = new WatchCounts();
  const infoOf = (method: HttpMethod, path: string, query = "") =>
    parseRequestInfo(method, path, new URLSearchParams(query));
  const forget = counts.add(infoOf("GET", "/api/v1/pods", "watch=1"));
  counts.add(infoOf("GET", "/api/v1/namespaces/n/pods", "watch=1"));
  counts.add(infoOf("GET", "/api/v1/namespaces/n/pods", "watch=1&fieldSelector=metadata.name%3Dp"));
  counts.add(infoOf("GET", "/api/v1/namespaces/other/pods", "watch=1"));
  counts.add(infoOf("GET", "/api/v1/pods", "watch=1&fieldSelector=spec.nodeName%3Dn"));
  assert.equal(counts.interestedIn(infoOf("PUT", "/api/v1/namespaces/n/pods/p")), 3);
  assert.equal(counts.interestedIn(infoOf("POST", "/api/v1/namespaces/n/pods")), 2);
  forget();
  forget();
  assert.equal(counts.interestedIn(infoOf("POST", "/api/v1/namespaces/n/pods")), 1);
});
