import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { silentLogger } from "../../base/log.ts";
import { type Random, randomBelow, seededRandom } from "../../base/random.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { noListers } from "../core.ts";
import { FilterPass, runPreFilters } from "../framework/evaluation.ts";
import { NodeJudge } from "../framework/node-judge.ts";
import { Scoring } from "../framework/scoring.ts";
import { SharedColumns } from "../framework/shared-columns.ts";
import { defaultPlugins } from "../plugins/default-plugins.ts";
import { Nominator } from "../queue/nominator.ts";
import { node, pod } from "../test-support/objects.ts";
import { type PodInfo, podInfoOf } from "./pod-info.ts";
import { SchedulerCache } from "./scheduler-cache.ts";

const steps = 400;

for (const seed of [1, 2, 3, 4, 5]) {
  test(`whatever is added, changed and removed, what is kept between pods equals what is worked out afresh (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const kept = new SchedulerCache();
    const plugins = pluginsOf(kept, random);
    const columns = new SharedColumns(kept.table);
    const pass = new FilterPass();
    const nodes = new Map<string, ReturnType<typeof anyNode>>();
    const placed = new Map<string, PodInfo>();
    for (let step = 0; step < steps; step++) {
      change(random, step, kept, nodes, placed);
      const asked = podInfoOf(anyPod(random, `asked-${step}`));
      const fresh = new SchedulerCache();
      for (const object of nodes.values()) fresh.setNode(object);
      for (const info of placed.values()) fresh.setPod(info);
      const freshPlugins = pluginsOf(fresh, random);
      const judge = new NodeJudge(freshPlugins, asked, fresh.table);
      const passing: string[] = [];
      for (const name of nodes.keys()) {
        const info = fresh.table.get(name);
        assert.ok(info);
        if (judge.judge(info) === undefined) passing.push(name);
      }
      const prepared = runPreFilters(plugins, asked, kept.table, columns);
      pass.run(kept.table, prepared);
      const found = [...pass.rows.subarray(0, pass.count)].map((row) => kept.table.at(row)?.name ?? "?");
      assert.deepEqual(found.toSorted(), passing.toSorted(), `step ${step}`);
      if (pass.count < 2) continue;
      const choice = new Scoring(plugins, columns, random).choose(asked, kept.table, pass);
      const freshColumns = new SharedColumns(fresh.table);
      const freshPass = new FilterPass();
      freshPass.run(fresh.table, runPreFilters(freshPlugins, asked, fresh.table, freshColumns));
      const best = new Scoring(freshPlugins, freshColumns, random).choose(asked, fresh.table, freshPass);
      assert.equal(choice.total, best.total, `score at step ${step}`);
    }
  });
}

function pluginsOf({ table }: SchedulerCache, random: Random) {
  const answer = async () => ({}) as never;
  return defaultPlugins({
    client: { get: answer, createSubresource: answer, update: answer, patch: answer, delete: answer },
    recorder: { event() {} },
    clock: new VirtualClock(),
    ...{ random, table },
    logger: silentLogger,
    nominator: new Nominator(),
    filters: () => [],
    failed() {},
    listers: noListers,
  });
}

function change(
  random: Random,
  step: number,
  cache: SchedulerCache,
  nodes: Map<string, ReturnType<typeof anyNode>>,
  placed: Map<string, PodInfo>,
): void {
  const roll = random.next();
  if (roll < 0.25) {
    const object = anyNode(random, `node-${randomBelow(random, 12)}`);
    nodes.set(object.metadata.name ?? "", object);
    cache.setNode(object);
  } else if (roll < 0.3) {
    const name = pick(random, [...nodes.keys(), "none"]);
    nodes.delete(name);
    cache.removeNode(name);
  } else if (roll < 0.75) {
    const nodeName = `node-${randomBelow(random, 12)}`;
    const info = podInfoOf(anyPod(random, `pod-${step}`, nodeName));
    placed.set(info.uid, info);
    if (random.next() < 0.5) cache.setPod(info);
    else {
      cache.assume(info, nodeName);
      if (random.next() < 0.5) cache.setPod(info);
    }
  } else {
    const uid = pick(random, [...placed.keys(), "none"]);
    placed.delete(uid);
    if (random.next() < 0.5 || !cache.forget(uid)) cache.removePod(uid);
  }
}

function anyNode(random: Random, name: string) {
  return node(name, {
    labels: { zone: `z${randomBelow(random, 3)}`, ...(random.next() < 0.5 ? { disk: "ssd" } : {}) },
    unschedulable: random.next() < 0.1,
    allocatable: { cpu: `${1 + randomBelow(random, 4)}`, pods: `${2 + randomBelow(random, 8)}` },
    ...(random.next() < 0.4
      ? {
          taints: [
            { key: "a", value: "b", effect: pick(random, ["NoSchedule", "PreferNoSchedule", "NoExecute"]) },
          ],
        }
      : {}),
    status: { images: [{ names: [pick(random, ["web:1", "db:1"])], sizeBytes: 5e8 }] },
  });
}

function anyPod(random: Random, name: string, nodeName?: string): Pod {
  const selector = () => ({ matchLabels: { app: pick(random, ["a", "b", "c"]) } });
  const term = () => ({
    topologyKey: pick(random, ["zone", "kubernetes.io/hostname"]),
    labelSelector: selector(),
  });
  const some = <T>(chance: number, make: () => T): T | undefined =>
    random.next() < chance ? make() : undefined;
  const requiredAffinity = some(0.2, term);
  const requiredAnti = some(0.2, term);
  const preferred = some(0.2, () => ({ weight: 1 + randomBelow(random, 100), podAffinityTerm: term() }));
  const spread = some(0.2, () => ({
    ...term(),
    maxSkew: 1 + randomBelow(random, 3),
    whenUnsatisfiable: pick(random, ["DoNotSchedule", "ScheduleAnyway"]),
  }));
  const toleration = some(0.3, () => ({ key: "a", operator: "Exists" }));
  const hostPort = some(0.1, () => 8000 + randomBelow(random, 2));
  return pod(name, {
    labels: { app: pick(random, ["a", "b", "c"]) },
    requests: { cpu: `${randomBelow(random, 6) * 100}m` },
    ...(nodeName === undefined ? {} : { node: nodeName }),
    ...(hostPort === undefined ? {} : { hostPort }),
    spec: {
      ...(some(0.2, () => true) ? { nodeSelector: { disk: "ssd" } } : {}),
      ...(toleration === undefined ? {} : { tolerations: [toleration] }),
      ...(spread === undefined ? {} : { topologySpreadConstraints: [spread] }),
      affinity: {
        podAffinity: {
          ...(requiredAffinity ? { requiredDuringSchedulingIgnoredDuringExecution: [requiredAffinity] } : {}),
          ...(preferred ? { preferredDuringSchedulingIgnoredDuringExecution: [preferred] } : {}),
        },
        podAntiAffinity: requiredAnti
          ? { requiredDuringSchedulingIgnoredDuringExecution: [requiredAnti] }
          : {},
      },
    },
  });
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomBelow(random, items.length)] as T;
}
