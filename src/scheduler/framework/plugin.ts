import type { NodeInfo } from "../cache/node-info.ts";
import type { NodeTable } from "../cache/node-table.ts";
import type { PodInfo } from "../cache/pod-info.ts";
import type { RequeueRule } from "./cluster-event.ts";
import type { Rejection, Skip, Verdict } from "./status.ts";

/**
 * A plugin of the scheduling framework: a plain object under the extension points' names. `F` is what its filter worked
 * out for the pod, `S` what its score did. Filters and scores answer at once and from the cache; what waits for others
 * (permit, preBind, bind) runs after the pod was assumed on its node.
 */
export interface Plugin<F = unknown, S = unknown> {
  readonly name: string;
  /** What may let a pod fit that this plugin rejected. */
  readonly requeueOn?: readonly RequeueRule<PodInfo>[];

  /** Whether the pod may enter the active queue at all. */
  preEnqueue?(pod: PodInfo): Verdict;

  /** What `preFilter` works out depends on pods of any node: it changes when one comes or goes. */
  readonly countsPods?: boolean;
  /** Works out once a pod what its filter needs. */
  preFilter?(pod: PodInfo, cluster: NodeTable): F | Skip | Rejection;
  /** The only nodes that can do, where the pod names them. */
  onlyNodes?(state: F, pod: PodInfo): ReadonlySet<string> | undefined;
  filter?(state: F, node: NodeInfo): Verdict;
  /** What the reason leaves out: which taint, how much is missing. For whoever asks how a decision came about. */
  detail?(state: F, node: NodeInfo): string | undefined;
  /** Where the verdict depends on the node and on this text alone: pods of the same text share their verdicts. */
  filterSharing?: Sharing<F>;

  /** After no node was found: may make room. Undefined: it has nothing to add. */
  postFilter?(pod: PodInfo, attempt: FailedAttempt): PostFilterResult | undefined;

  preScore?(pod: PodInfo, cluster: NodeTable, feasible: FeasibleNodes): S | Skip;
  score?(state: S, node: NodeInfo): number;
  scoreSharing?: Sharing<S>;
  /** Brings the scores of the feasible nodes into 0 to 100; absent: they are. */
  normalize?(state: S, scores: Float64Array, feasible: FeasibleNodes): void;
  /** Of its score in the sum; 1 unless said. */
  readonly weight?: number;

  /** Notes the decision; what it rejects is taken back. Must not wait. */
  reserve?(pod: PodInfo, node: NodeInfo): Verdict;
  unreserve?(pod: PodInfo, nodeName: string): void;
  /** May delay the binding, or refuse it. */
  permit?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Verdict>;
  /** Whether preBind will have something to do, so that the pod says meanwhile where it is going (KEP-5278). */
  preBindPreFlight?(pod: PodInfo, nodeName: string): boolean;
  preBind?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<Verdict>;
  /** The first plugin that binds does it; a rejection of the promise is a failed binding. */
  bind?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void>;
  postBind?(pod: PodInfo, nodeName: string): void;
}

export interface Sharing<State> {
  /** Undefined: this pod shares with none. */
  signature(state: State, pod: PodInfo): string | undefined;
  /** `node`: on the node object alone; `pods`: also on what its pods take. */
  readonly dependsOn: "node" | "pods";
}

/** The nodes that passed all filters. */
export interface FeasibleNodes {
  /** Rows of the table; the first `count` are meant. */
  readonly rows: Int32Array;
  readonly count: number;
}

/** Why no node was found. */
export interface FailedAttempt {
  readonly nodeCount: number;
  /** Rows that pods going away could make fit. */
  readonly resolvableRows: () => number[];
  /** Whether no pod going away can make this row fit. */
  readonly isUnresolvable: (row: number) => boolean;
}

export interface PostFilterResult {
  /** The node that will have room; "": none, and a former nomination is withdrawn; undefined: as it was. */
  readonly nominatedNodeName?: string;
  /** Set where it did not help. */
  readonly message?: string;
}

export const maxNodeScore = 100;
