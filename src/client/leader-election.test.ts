import assert from "node:assert/strict";
import test from "node:test";
import type { Lease } from "../api/coordination/types.generated.ts";
import { leases } from "../api/resources.generated.ts";
import type { ResourceType } from "../apimachinery/meta.ts";
import { abortable } from "../base/abortable.ts";
import type { Clock } from "../base/clock.ts";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { type Leadership, runLeaderElection } from "./leader-election.ts";
import { createClient } from "./rest-client.ts";
import { FakeApi } from "./test-support/fake-api.ts";

const lease = { namespace: "kube-system", name: "scheduler" };

function setUp() {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const server = new FakeApi({ type: leases as unknown as ResourceType, clock, random });
  const held = () => server.objects()[0] as unknown as Lease | undefined;
  return { clock, random, server, held };
}

type World = ReturnType<typeof setUp>;

/** A candidate with a transport of its own, so that it can be cut off alone. */
function candidate(world: World, identity: string, options: { clock?: Clock; leadMs?: number } = {}) {
  const { server, random } = world;
  const clock = options.clock ?? world.clock;
  const abort = new AbortController();
  const seen: string[] = [];
  const state = {
    cutOff: false,
    hangs: false,
    /** Called between a request and its answer. */
    answering: () => {},
    leading: undefined as Leadership | undefined,
    outcome: "",
  };
  const transport = {
    async send(request: Parameters<FakeApi["send"]>[0]) {
      if (state.cutOff) throw new Error("connection refused");
      if (state.hangs) await abortable(new Promise<never>(() => {}), request.signal);
      const answer = await server.send(request);
      state.answering();
      return answer;
    },
    async close() {},
  };
  const ended = runLeaderElection(
    {
      client: createClient({ transport }),
      ...{ clock, random, lease, identity },
      logger: silentLogger,
      async lead(leadership) {
        state.leading = leadership;
        seen.push("lead");
        await new Promise<void>((resolve) => leadership.signal.addEventListener("abort", () => resolve()));
        if (options.leadMs !== undefined)
          await new Promise<void>((resolve) => clock.setTimer(options.leadMs ?? 0, resolve));
        seen.push("stop");
      },
      onNewLeader: (leader) => seen.push(`leader ${leader}`),
    },
    { signal: abort.signal },
  );
  void ended.then((outcome) => {
    state.outcome = outcome;
  });
  return { abort, seen, state };
}

test("leader election makes the first candidate the leader and the second a follower", async () => {
  const world = setUp();
  const first = candidate(world, "a");
  await world.clock.settle();
  const second = candidate(world, "b");
  await world.clock.advance(60_000);
  assert.deepEqual(first.seen, ["leader a", "lead"]);
  assert.deepEqual(second.seen, ["leader a"]);
  assert.equal(first.state.leading?.isLeader(), true);
  const { spec } = world.held() ?? {};
  assert.equal(spec?.holderIdentity, "a");
  assert.equal(spec?.leaseDurationSeconds, 15);
  assert.equal(spec?.leaseTransitions, 0);
  assert.equal(spec?.acquireTime, "2026-01-01T00:00:00.000000Z");
  assert.equal(spec?.renewTime, "2026-01-01T00:01:00.000000Z");
  first.abort.abort();
  second.abort.abort();
  await world.clock.settle();
  assert.equal(world.clock.pendingTimers, 0);
});

test("leader election hands over at once when the leader shuts down, and only after its work has ended", async () => {
  const world = setUp();
  const first = candidate(world, "a", { leadMs: 30_000 });
  await world.clock.settle();
  const second = candidate(world, "b");
  await world.clock.advance(10_000);
  first.abort.abort();
  await world.clock.advance(29_000);
  assert.equal(world.held()?.spec.holderIdentity, "a");
  assert.deepEqual(second.seen, ["leader a"]);
  await world.clock.advance(6_000);
  assert.equal(first.state.outcome, "released");
  assert.deepEqual(second.seen, ["leader a", "leader b", "lead"]);
  assert.equal(world.held()?.spec.leaseTransitions, 1);
  second.abort.abort();
  await world.clock.settle();
});

test("leader election stops a leader that cannot renew before another can lead", async () => {
  const world = setUp();
  const first = candidate(world, "a");
  await world.clock.settle();
  const second = candidate(world, "b");
  await world.clock.advance(10_000);
  first.state.cutOff = true;
  await world.clock.advanceUntil(() => first.state.outcome === "lost");
  assert.deepEqual(second.seen, ["leader a"]);
  await world.clock.advanceUntil(() => second.state.leading !== undefined, { timeoutMs: 30_000 });
  second.abort.abort();
  await world.clock.settle();
});

test("leader election tells a leader that was paused that it no longer leads", async () => {
  const world = setUp();
  const paused = new VirtualClock();
  const first = candidate(world, "a", { clock: paused });
  await world.clock.settle();
  const second = candidate(world, "b");
  // The first one's timers stand still while the world's time goes on.
  await world.clock.advance(40_000);
  assert.equal(second.state.leading?.isLeader(), true);
  assert.equal(first.state.leading?.signal.aborted, false);
  await paused.advance(2_000);
  assert.equal(first.state.outcome, "lost");
  assert.equal(first.state.leading?.isLeader(), false);
  second.abort.abort();
  await world.clock.settle();
});

test("leader election believes no other machine's clock", async () => {
  const world = setUp();
  const skewed = new VirtualClock({ startMs: world.clock.now() - 3_600_000 });
  const first = candidate(world, "a", { clock: skewed });
  await world.clock.settle();
  const second = candidate(world, "b");
  for (let round = 0; round < 60; round++) {
    await skewed.advance(1000);
    await world.clock.advance(1000);
  }
  assert.deepEqual(second.seen, ["leader a"]);
  first.abort.abort();
  second.abort.abort();
  await world.clock.settle();
});

test("leader election survives an outage shorter than the renew deadline", async () => {
  const world = setUp();
  const first = candidate(world, "a");
  await world.clock.advance(10_000);
  first.state.cutOff = true;
  await world.clock.advance(7_000);
  first.state.cutOff = false;
  await world.clock.advance(60_000);
  assert.deepEqual(first.seen, ["leader a", "lead"]);
  assert.equal(first.state.leading?.isLeader(), true);
  first.abort.abort();
  await world.clock.settle();
});

test("leader election takes over a lease that is free, and its own from before a restart", async () => {
  for (const holderIdentity of ["", "a"]) {
    const world = setUp();
    const spec = { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 3 };
    const object: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: lease, spec };
    world.server.put(object);
    const first = candidate(world, "a");
    await world.clock.settle();
    assert.equal(first.state.leading?.isLeader(), true);
    assert.equal(world.held()?.spec.leaseTransitions, holderIdentity === "a" ? 3 : 4);
    first.abort.abort();
    await world.clock.settle();
  }
});

test("leader election never has two leaders, whatever happens (200 seeds)", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const world = setUp();
    const random = seededRandom(seed);
    const all = Array.from({ length: 3 }, (_, index) => candidate(world, `c${index}`));
    for (let step = 0; step < 40; step++) {
      const one = all[Math.floor(random.next() * all.length)];
      if (one !== undefined && random.next() < 0.3) one.state.cutOff = !one.state.cutOff;
      if (random.next() < 0.2) world.server.latencyMs = () => random.next() * 4000;
      for (let second = 0; second < 3; second++) {
        await world.clock.advance(1000);
        const leaders = all.filter(({ state }) => state.leading?.isLeader());
        assert.ok(leaders.length <= 1, `seed ${seed}: two leaders`);
      }
    }
    for (const { abort } of all) abort.abort();
    await world.clock.advance(60_000);
  }
});

for (const [name, jumpMs] of [
  ["set back", -3_600_000],
  ["set forward", 3_600_000],
] as const) {
  test(`leader election has one leader when a clock is ${name} while a renewal is under way and the leader is then cut off`, async () => {
    const world = setUp();
    const jumping = new VirtualClock();
    let offsetMs = 0;
    const clock: Clock = {
      now: () => jumping.now() + offsetMs,
      monotonicMs: () => jumping.monotonicMs(),
      setTimer: (delayMs, callback) => jumping.setTimer(delayMs, callback),
      yield: () => jumping.yield(),
      hold: (work) => jumping.hold(work),
    };
    const first = candidate(world, "a", { clock });
    await world.clock.settle();
    const second = candidate(world, "b");
    const pass = async (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        await jumping.advance(1000);
        await world.clock.advance(1000);
      }
    };
    await pass(1);
    first.state.answering = () => {
      offsetMs = jumpMs;
    };
    await pass(1);
    first.state.answering = () => {};
    await pass(1);
    first.state.cutOff = true;
    await pass(60);
    assert.equal(second.state.leading?.isLeader(), true);
    assert.equal(first.state.leading?.isLeader(), false);
    first.abort.abort();
    second.abort.abort();
    await pass(1);
  });
}

test("leader election goes on with a lease that was deleted, and loses one that another made instead", async () => {
  const world = setUp();
  const first = candidate(world, "a");
  await world.clock.advance(10_000);
  world.server.remove(lease);
  await world.clock.advance(30_000);
  assert.equal(world.held()?.spec.holderIdentity, "a");
  assert.equal(first.state.leading?.isLeader(), true);
  assert.deepEqual(first.seen, ["leader a", "lead"]);
  world.server.remove(lease);
  const second = candidate(world, "b");
  await world.clock.advance(2_000);
  assert.equal(first.state.outcome, "lost");
  assert.equal(second.state.leading?.isLeader(), true);
  second.abort.abort();
  await world.clock.settle();
});

test("leader election stops a leader whose server hangs at its deadline, before another can lead", async () => {
  const world = setUp();
  const first = candidate(world, "a");
  await world.clock.settle();
  const second = candidate(world, "b");
  await world.clock.advance(10_000);
  const startMs = world.clock.now();
  first.state.hangs = true;
  await world.clock.advanceUntil(() => first.state.outcome === "lost");
  assert.equal(world.clock.now() - startMs, 10_000);
  assert.deepEqual(second.seen, ["leader a"]);
  await world.clock.advanceUntil(() => second.state.leading !== undefined, { timeoutMs: 10_000 });
  second.abort.abort();
  await world.clock.settle();
});

test("leader election leads no more once its work has ended and the lease is given up", async () => {
  const { clock, random, server, held } = setUp();
  let leadership: Leadership | undefined;
  const ended = runLeaderElection(
    {
      client: createClient({ transport: server }),
      ...{ clock, random, lease, identity: "a", logger: silentLogger },
      async lead(given) {
        leadership = given;
      },
    },
    { signal: new AbortController().signal },
  );
  await clock.settle();
  assert.equal(await ended, "released");
  assert.equal(held()?.spec.holderIdentity, "");
  assert.equal(leadership?.isLeader(), false);
});
