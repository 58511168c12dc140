import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBelow, seededRandom } from "../../base/random.ts";
import { parseRequestInfo } from "../request-info.ts";
import { FlowCounts } from "./flow-counts.ts";
import type { FlowRequest } from "./flow-request.ts";
import { QueueSet, type Queuing } from "./queue-set.ts";
import { oneSeat, type WorkEstimate } from "./work-estimate.ts";

const info = parseRequestInfo("GET", "/api/v1/pods", new URLSearchParams());
const user = { name: "u", groups: [] };
const queuing: Queuing = { type: "queue", queues: 4, handSize: 1, queueLengthLimit: 2 };

function arrival(estimate: WorkEstimate = oneSeat, counts = new FlowCounts("level", "schema")) {
  return { estimate, counts, distinguisher: "", info, user };
}

function setOf(config: Queuing, seats: number): QueueSet {
  const set = new QueueSet(0);
  set.configure(config, seats, 0);
  return set;
}

function described(request: FlowRequest | undefined): string {
  return request === undefined ? "rejected" : request.isExecuting ? "executing" : "waiting";
}

for (const { name, config, seats, widths, want } of [
  {
    name: "lets in as many as there are seats, queues as many as it may, and turns the rest away",
    config: queuing,
    seats: 1,
    widths: [1, 1, 1, 1],
    want: ["executing", "waiting", "waiting", "rejected"],
  },
  {
    name: "turns away at once where nobody may wait",
    config: { type: "reject" },
    seats: 2,
    widths: [1, 1, 1],
    want: ["executing", "executing", "rejected"],
  },
  {
    name: "lets everybody in who is exempt",
    config: { type: "exempt" },
    seats: 0,
    widths: [1, 5],
    want: ["executing", "executing"],
  },
  {
    name: "makes a wide request wait until all its seats are free, and those behind it too",
    config: queuing,
    seats: 3,
    widths: [1, 3, 1],
    want: ["executing", "waiting", "waiting"],
  },
  {
    name: "carries out a request wider than the level when nothing else is",
    config: queuing,
    seats: 2,
    widths: [5, 1],
    want: ["executing", "waiting"],
  },
] as const) {
  test(`A level ${name}`, () => {
    const set = setOf(config, seats);
    const requests = widths.map((initialSeats) => set.arrive(arrival({ ...oneSeat, initialSeats }), [0], 0));
    assert.deepEqual(requests.map(described), want);
  });
}

test("A level counts what it did with its requests", () => {
  const counts = new FlowCounts("level", "schema");
  const set = setOf({ ...queuing, queueLengthLimit: 1 }, 1);
  const [first, second] = [0, 1, 2].map(() => set.arrive(arrival(oneSeat, counts), [0], 0));
  assert.deepEqual([counts.executing, counts.waiting, counts.rejected["queue-full"]], [1, 1, 1]);
  if (first === undefined || second === undefined) return assert.fail("two are taken in");
  set.finish(first, 10);
  assert.deepEqual([counts.executing, counts.waiting, counts.dispatched], [1, 0, 2]);
  set.finish(second, 20);
  assert.deepEqual([set.isIdle, counts.executingSeats], [true, 0]);
  const { dispatched, rejected, seatsInUse, seatsWaiting } = set.totals;
  assert.deepEqual([dispatched, rejected, seatsInUse, seatsWaiting], [2, 1, 0, 0]);
});

test("A request that gives up makes room for those behind it", () => {
  const set = setOf(queuing, 2);
  const first = set.arrive(arrival(), [0], 0);
  const wide = set.arrive(arrival({ ...oneSeat, initialSeats: 2 }), [1], 0);
  const last = set.arrive(arrival(), [1], 0);
  assert.deepEqual([first, wide, last].map(described), ["executing", "waiting", "waiting"]);
  if (wide !== undefined) set.giveUp(wide, "time-out", 5);
  assert.deepEqual(described(last), "executing");
  assert.deepEqual([set.totals.timedOut, set.totals.seatsWaiting], [1, 0]);
});

test("A request lingers on its final seats, and frees them with its release", () => {
  const set = setOf(queuing, 3);
  const request = set.arrive(arrival({ initialSeats: 1, finalSeats: 3, additionalMs: 5 }), [0], 0);
  if (request === undefined) return assert.fail("it is taken in");
  assert.equal(set.finish(request, 10), true);
  assert.equal(set.totals.seatsInUse, 3);
  assert.equal(described(set.arrive(arrival(), [1], 11)), "waiting");
  set.release(request, 15);
  assert.deepEqual([set.totals.seatsInUse, set.totals.executing], [1, 1]);
});

test("Queues that are too many now go when they are empty, and what waits in them is served", () => {
  const set = setOf(queuing, 1);
  const running = set.arrive(arrival(), [3], 0);
  const waiting = set.arrive(arrival(), [3], 0);
  set.configure({ ...queuing, queues: 1 }, 1, 1);
  assert.equal(set.queues.length, 1, "the empty ones are gone, and the busy one stays");
  if (running !== undefined) set.finish(running, 2);
  assert.equal(described(waiting), "executing");
  set.configure({ type: "reject" }, 1, 3);
  assert.equal(set.queues.length, 1);
  if (waiting !== undefined) set.finish(waiting, 4);
  assert.equal(set.queues.length, 0);
});

interface SimulatedFlow {
  readonly queue: number;
  /** Requests it has under way at any moment: it sends a new one when one is answered. */
  readonly clients: number;
  readonly seats: number;
  readonly serviceMs: number;
}

/** Plays flows against a level on a clock of its own; the seat-milliseconds that each of them was given. */
function simulate(flows: readonly SimulatedFlow[], seats: number, seed: number): number[] {
  const random = seededRandom(seed);
  const set = setOf({ type: "queue", queues: 8, handSize: 1, queueLengthLimit: 1000 }, seats);
  const served = flows.map(() => 0);
  const endings: { atMs: number; request: FlowRequest; flow: number }[] = [];
  const waiting = new Map<FlowRequest, number>();
  let nowMs = 0;
  const begin = (request: FlowRequest, flow: number) => {
    const { serviceMs = 1 } = flows[flow] ?? {};
    endings.push({ atMs: nowMs + 1 + randomBelow(random, 2 * serviceMs - 1), request, flow });
  };
  const send = (flow: number) => {
    const { queue, seats: initialSeats } = flows[flow] ?? { queue: 0, seats: 1 };
    const request = set.arrive(arrival({ ...oneSeat, initialSeats }), [queue], nowMs);
    assert.ok(request !== undefined);
    if (request.isExecuting) return begin(request, flow);
    waiting.set(request, flow);
    request.onDispatch = () => {
      waiting.delete(request);
      begin(request, flow);
    };
  };
  for (const [flow, { clients }] of flows.entries()) for (let n = 0; n < clients; n++) send(flow);
  while (nowMs < 20_000) {
    endings.sort((left, right) => left.atMs - right.atMs);
    const next = endings.shift();
    if (next === undefined) break;
    nowMs = next.atMs;
    served[next.flow] = (served[next.flow] ?? 0) + next.request.seats * (nowMs - next.request.startMs);
    set.finish(next.request, nowMs);
    assert.ok(set.totals.seatsInUse <= Math.max(seats, ...flows.map((flow) => flow.seats)));
    send(next.flow);
  }
  return served;
}

for (const { name, flows, seats, share, within = 0.06 } of [
  {
    name: "a flow with a hundred clients gets no more than one with ten",
    flows: [
      { queue: 0, clients: 100, seats: 1, serviceMs: 5 },
      { queue: 1, clients: 10, seats: 1, serviceMs: 5 },
    ],
    seats: 4,
    share: [0.5, 0.5],
  },
  {
    // Seats stand empty for a moment until there are enough of them: the narrow ones pay for it, too.
    name: "wide requests are charged for their width",
    within: 0.1,
    flows: [
      { queue: 0, clients: 20, seats: 4, serviceMs: 5 },
      { queue: 1, clients: 20, seats: 1, serviceMs: 5 },
    ],
    seats: 8,
    share: [0.5, 0.5],
  },
  {
    name: "long requests are charged for what they took, not for what was expected",
    flows: [
      { queue: 0, clients: 20, seats: 1, serviceMs: 40 },
      { queue: 1, clients: 20, seats: 1, serviceMs: 4 },
    ],
    seats: 6,
    share: [0.5, 0.5],
  },
  {
    name: "who wants less than a fair share gets all of it, and the others share the rest",
    flows: [
      { queue: 0, clients: 1, seats: 1, serviceMs: 5 },
      { queue: 1, clients: 50, seats: 1, serviceMs: 5 },
      { queue: 2, clients: 50, seats: 1, serviceMs: 5 },
    ],
    seats: 9,
    share: [1 / 9, 4 / 9, 4 / 9],
  },
]) {
  test(`Fairness: ${name}`, () => {
    for (const seed of [1, 2, 3]) {
      const served = simulate(flows, seats, seed);
      const total = served.reduce((sum, each) => sum + each, 0);
      for (const [flow, wanted] of share.entries()) {
        const got = (served[flow] ?? 0) / total;
        assert.ok(Math.abs(got - wanted) < within, `seed ${seed}: flow ${flow} got ${got} of ${wanted}`);
      }
      assert.ok(total > 0.8 * seats * 20_000, `seed ${seed}: seats stood empty: ${total}`);
    }
  });
}
