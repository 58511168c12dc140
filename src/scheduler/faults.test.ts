import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/core/types.generated.ts";
import { nodes, pods } from "../api/resources.generated.ts";
import { quantityMilliValue } from "../apimachinery/quantity.ts";
import { type Random, randomBelow, seededRandom } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import { TransportError } from "../client/transport-error.ts";
import { type SchedulerCluster, startSchedulerCluster } from "./test-support/cluster.ts";
import { node, pod } from "./test-support/objects.ts";

/** Calls that fail on their way there or on their way back, while `active.now` holds. */
function unreliable(client: Client, random: Random, active: { now: boolean }): Client {
  const lose = () => new TransportError("the connection was reset");
  const shaky =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      const roll = active.now ? random.next() : 1;
      if (roll < 0.15) throw lose();
      const answer = await call(...args);
      if (roll < 0.3) throw lose();
      return answer;
    };
  return new Proxy(client, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      const bound = member.bind(target);
      return ["createSubresource", "patch", "delete"].includes(String(name)) ? shaky(bound) : bound;
    },
  });
}

const nodeNames = ["a", "b", "c", "d"];

async function disturb(cluster: SchedulerCluster, random: Random, step: number): Promise<void> {
  const { client } = cluster;
  const some = { namespace: "default", name: `p${randomBelow(random, step + 1)}` };
  const roll = random.next();
  const ignore = () => undefined;
  if (roll < 0.6)
    await cluster.create(
      pod(`p${step}`, {
        requests: { cpu: `${1 + randomBelow(random, 3)}` },
        priority: randomBelow(random, 3),
        labels: { app: "x" },
      }),
    );
  else if (roll < 0.8) await client.delete(pods, some, { gracePeriodSeconds: 0 }).catch(ignore);
  else {
    const name = nodeNames[randomBelow(random, nodeNames.length)] ?? "a";
    const patch = { spec: { unschedulable: random.next() < 0.5 ? true : null } };
    await client.patch(nodes, { name }, { type: "merge", patch });
  }
}

function milliCpuOf(placed: readonly Pod[]): number {
  return placed.reduce(
    (sum, { spec }) => sum + quantityMilliValue(spec.containers[0]?.resources?.requests?.cpu ?? "0"),
    0,
  );
}

for (const seed of Array.from({ length: 15 }, (_, index) => index + 1))
  test(`whatever calls fail, no node is overcommitted and nobody waits for nothing (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const active = { now: true };
    const cluster = await startSchedulerCluster({ faults: (client) => unreliable(client, random, active) });
    const state = async () => (await cluster.client.list(pods, { namespace: "default" })).items;
    const check = (all: readonly Pod[]) => {
      for (const name of nodeNames) {
        const placed = all.filter(({ spec }) => spec.nodeName === name);
        assert.ok(milliCpuOf(placed) <= 4000, `${name} holds ${milliCpuOf(placed)}m`);
      }
    };
    try {
      await cluster.create(...nodeNames.map((name) => node(name)));
      for (let step = 0; step < 60; step++) {
        await disturb(cluster, random, step);
        if (random.next() < 0.5) await cluster.clock.advance(randomBelow(random, 3000));
        await cluster.finishDeletions();
        check(await state());
      }
      active.now = false;
      for (const name of nodeNames)
        await cluster.client.patch(
          nodes,
          { name },
          { type: "merge", patch: { spec: { unschedulable: null } } },
        );
      // Longer than the longest back-off, and than the flush of those nobody brought back.
      for (let minute = 0; minute < 12; minute++) {
        await cluster.clock.advance(60_000);
        await cluster.finishDeletions();
      }
      const all = await state();
      check(all);
      for (const waiting of all.filter(({ spec }) => !spec.nodeName)) {
        const wanted = milliCpuOf([waiting]);
        for (const name of nodeNames) {
          const { priority = 0 } = waiting.spec;
          const staying = all.filter(
            ({ spec }) => spec.nodeName === name && (spec.priority ?? 0) >= priority,
          );
          const free = 4000 - milliCpuOf(staying);
          assert.ok(free < wanted, `${waiting.metadata.name} waits while ${name} has ${free}m for it`);
        }
      }
      assert.ok(all.some(({ spec }) => spec.nodeName));
    } finally {
      await cluster.close();
    }
  });
