import type { Random } from "../../base/random.ts";
import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { SchedulerMetrics } from "../metrics.ts";
import type { Nominator } from "../queue/nominator.ts";
import { countReasons, type Diagnosis } from "./diagnosis.ts";
import { FilterPass, type PreFiltered, runPreFilters } from "./evaluation.ts";
import { NodeJudge, nominatedBefore } from "./node-judge.ts";
import type { FailedAttempt, Plugin, PostFilterResult } from "./plugin.ts";
import { type Choice, Scoring } from "./scoring.ts";
import { SharedColumns } from "./shared-columns.ts";

/** How one attempt went, kept so that it can be asked for. */
export interface DecisionRecord {
  readonly atMs: number;
  readonly nodeCount: number;
  readonly feasibleCount: number;
  /** The node that was chosen, with each plugin's weighted share in its score (none where it was the only one). */
  readonly chosen?: {
    readonly node: string;
    readonly total: number;
    readonly scores: Readonly<Record<string, number>>;
  };
  /** How many nodes each filter rejected; a node counts for the first one that did. */
  readonly rejectedBy: Readonly<Record<string, number>>;
  /** Where no node was found: some of the nodes and why each was none. */
  readonly rejections: readonly RecordedRejection[];
  readonly message?: string;
}

interface RecordedRejection {
  readonly node: string;
  readonly plugin: string;
  readonly reason: string;
  /** What the reason leaves out: which taint, how much is missing. */
  readonly detail?: string;
}

export type Decision =
  | { readonly type: "node"; readonly node: NodeInfo; readonly record: DecisionRecord }
  | {
      readonly type: "none";
      readonly diagnosis: Diagnosis;
      readonly postFilter: PostFilterResult | undefined;
      readonly record: DecisionRecord;
    };

/** Whether a plugin has a say in where a pod can be. */
export function filters({ filter, preFilter }: Plugin): boolean {
  return filter !== undefined || preFilter !== undefined;
}

/** Nodes named in the record of a failed attempt. */
const recordedRejections = 50;

export interface DeciderOptions {
  readonly plugins: readonly Plugin[];
  readonly table: NodeTable;
  readonly nominator: Nominator;
  readonly random: Random;
  readonly now: () => number;
  readonly metrics?: SchedulerMetrics | undefined;
}

/**
 * The scheduling cycle's decision: from a pod and the cache as it is to a node, or to why there is none. It changes nothing,
 * except for what a post-filter (preemption) sets in motion.
 */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #columns: SharedColumns;
  readonly #scoring: Scoring;
  readonly #pass = new FilterPass();
  readonly #filtering: readonly Plugin[];

  constructor(options: DeciderOptions) {
    this.#options = options;
    this.#filtering = options.plugins.filter(filters);
    this.#columns = new SharedColumns(options.table);
    this.#scoring = new Scoring(options.plugins, this.#columns, options.random);
  }

  decide(pod: PodInfo): Decision {
    const { table, nominator, now, metrics } = this.#options;
    const startMs = now();
    const prepared = runPreFilters(this.#filtering, pod, table, this.#columns);
    metrics?.extension("PreFilter", prepared.refusal?.rejection.code ?? "Success", now() - startMs);
    this.#countPreFilters(prepared);
    const pass = this.#pass;
    if (prepared.refusal === undefined) {
      const beforeMs = now();
      pass.run(table, prepared);
      this.#keepPromises(pod);
      metrics?.extension("Filter", pass.count > 0 ? "Success" : "Unschedulable", now() - beforeMs);
      this.#countFilters(prepared);
    }
    if (prepared.refusal !== undefined || pass.count === 0) return this.#fail(pod, prepared);
    // Room was made for it there; another node would leave the evictions without a purpose.
    const nominated = table.get(nominator.nodeOf(pod.uid) ?? "");
    if (nominated !== undefined) pass.keepOnly(nominated.row);
    const choice = this.#choose(pod);
    const node = table.at(choice.row);
    if (node === undefined) throw new Error("a row without a node passed the filters");
    const record: DecisionRecord = {
      atMs: now(),
      nodeCount: table.nodeCount,
      feasibleCount: pass.count,
      chosen: { node: node.name, total: choice.total, scores: choice.scores },
      rejectedBy: Object.fromEntries(pass.rejectingPlugins()),
      rejections: [],
    };
    return { type: "node", node, record };
  }

  #choose(pod: PodInfo): Choice {
    const { plugins, table, now, metrics } = this.#options;
    const startMs = now();
    const choice = this.#scoring.choose(pod, table, this.#pass);
    if (metrics === undefined || this.#pass.count < 2) return choice;
    metrics.extension("Score", "Success", now() - startMs);
    for (const { name, preScore } of plugins)
      if (preScore !== undefined) metrics.evaluated("PreScore", name, 1);
    for (const name in choice.scores) metrics.evaluated("Score", name, this.#pass.count);
    return choice;
  }

  #countPreFilters({ refusal }: PreFiltered): void {
    const { metrics } = this.#options;
    if (metrics === undefined) return;
    for (const { name, preFilter } of this.#filtering) {
      if (preFilter !== undefined) metrics.evaluated("PreFilter", name, 1);
      if (name === refusal?.plugin) return;
    }
  }

  /** A node counts for each filter up to the one that rejected it. */
  #countFilters({ filters }: PreFiltered): void {
    const { metrics } = this.#options;
    if (metrics === undefined) return;
    let left = this.#pass.evaluated;
    for (const [index, { plugin }] of filters.entries()) {
      if (left === 0) return;
      metrics.evaluated("Filter", plugin.name, left);
      left -= this.#pass.rejectionCounts[index] ?? 0;
    }
  }

  /** Takes out the nodes where the pod fits only in the room that is kept for others. */
  #keepPromises(pod: PodInfo): void {
    const { table, nominator } = this.#options;
    if (nominator.size === 0) return;
    let judge: NodeJudge | undefined;
    for (const name of nominator.nodeNames()) {
      const others = nominatedBefore(nominator, pod, name);
      const node = table.get(name);
      if (others.length === 0 || node === undefined) continue;
      judge ??= new NodeJudge(this.#filtering, pod, table);
      const rejected = judge.judgeWith(others, node);
      if (rejected !== undefined) this.#pass.exclude(node.row, rejected.plugin, rejected.rejection);
    }
  }

  #fail(pod: PodInfo, prepared: PreFiltered): Decision {
    const { plugins, table, now, metrics } = this.#options;
    const diagnosis = this.#diagnose(prepared);
    const attempt: FailedAttempt = {
      nodeCount: table.nodeCount,
      resolvableRows: () => this.#resolvableRows(prepared),
      isUnresolvable: (row) => this.#codeAt(prepared, row) === "UnschedulableAndUnresolvable",
    };
    const rejections = this.#rejections(prepared);
    const rejectedBy = Object.fromEntries(
      prepared.refusal === undefined ? this.#pass.rejectingPlugins() : [],
    );
    let postFilter: PostFilterResult | undefined;
    const startMs = now();
    for (const plugin of plugins) postFilter ??= plugin.postFilter?.(pod, attempt);
    metrics?.extension(
      "PostFilter",
      postFilter?.nominatedNodeName ? "Success" : "Unschedulable",
      now() - startMs,
    );
    const { message } = postFilter ?? {};
    return {
      type: "none",
      diagnosis: message === undefined ? diagnosis : { ...diagnosis, postFilterMessage: message },
      postFilter,
      record: { atMs: now(), nodeCount: table.nodeCount, feasibleCount: 0, rejectedBy, rejections },
    };
  }

  #diagnose({ refusal, only }: PreFiltered): Diagnosis {
    const { table } = this.#options;
    const { nodeCount } = table;
    const reasons = new Map<string, number>();
    if (refusal !== undefined) {
      const { plugin, rejection } = refusal;
      return { nodeCount, reasons, preFilterMessage: rejection.message, plugins: new Set([plugin]) };
    }
    const pass = this.#pass;
    const counted = new Set<string>(only?.plugins);
    for (const [name] of pass.rejectingPlugins()) counted.add(name);
    for (let row = 0; row < table.rows; row++) {
      const found = pass.rejectionAt(row);
      if (found !== undefined) countReasons(reasons, found.rejection);
    }
    const left = nodeCount - pass.evaluated;
    if (only !== undefined && left > 0)
      reasons.set(`node(s) didn't satisfy plugin(s) [${only.plugins.toSorted().join(" ")}]`, left);
    return { nodeCount, reasons, plugins: counted };
  }

  #codeAt({ refusal }: PreFiltered, row: number) {
    return (refusal?.rejection ?? this.#pass.rejectionAt(row)?.rejection)?.code;
  }

  #resolvableRows(prepared: PreFiltered): number[] {
    const { table } = this.#options;
    const rows: number[] = [];
    for (let row = 0; row < table.rows; row++) {
      if (table.present[row] === 0) continue;
      if (this.#codeAt(prepared, row) === "Unschedulable") rows.push(row);
    }
    return rows;
  }

  #rejections({ refusal }: PreFiltered): readonly RecordedRejection[] {
    const { table } = this.#options;
    if (refusal !== undefined) return [];
    const found: RecordedRejection[] = [];
    for (let row = 0; row < table.rows && found.length < recordedRejections; row++) {
      const rejected = this.#pass.rejectionAt(row);
      const node = table.at(row);
      if (rejected === undefined || node === undefined) continue;
      const detail = this.#pass.detailAt(node);
      const { plugin, rejection } = rejected;
      const base = { node: node.name, plugin, reason: rejection.message };
      found.push(detail === undefined ? base : { ...base, detail });
    }
    return found;
  }
}
