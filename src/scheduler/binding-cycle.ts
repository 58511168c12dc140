import { isApiError } from "../apimachinery/api-error.ts";
import type { Clock } from "../base/clock.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { Plugin } from "./framework/plugin.ts";
import { Rejection } from "./framework/status.ts";
import type { SchedulerMetrics } from "./metrics.ts";

/** How a binding ended. `rejected`: a plugin said no; `failed`: something went wrong on the way. */
export type BindingOutcome =
  | { readonly type: "bound" }
  | { readonly type: "rejected"; readonly plugin: string; readonly rejection: Rejection }
  | { readonly type: "failed"; readonly error: unknown; readonly podIsGone: boolean };

interface BindingContext {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly metrics?: SchedulerMetrics | undefined;
}

/** Waits for permission, prepares and binds: all that happens after the decision and may take its time. */
export async function bindPod(
  plugins: readonly Plugin[],
  pod: PodInfo,
  nodeName: string,
  { signal, clock, metrics }: BindingContext,
): Promise<BindingOutcome> {
  let beginMs = clock.now();
  const passed = (point: "Permit" | "PreBind" | "Bind") => {
    const nowMs = clock.now();
    metrics?.extension(point, "Success", nowMs - beginMs);
    beginMs = nowMs;
  };
  try {
    for (const plugin of plugins) {
      const verdict = await plugin.permit?.(pod, nodeName, signal);
      if (verdict instanceof Rejection) return { type: "rejected", plugin: plugin.name, rejection: verdict };
    }
    passed("Permit");
    for (const plugin of plugins) {
      const verdict = await plugin.preBind?.(pod, nodeName, signal);
      if (verdict instanceof Rejection) throw new Error(`${plugin.name}: ${verdict.message}`);
    }
    passed("PreBind");
    const binder = plugins.find(({ bind }) => bind !== undefined);
    await binder?.bind?.(pod, nodeName, signal);
    passed("Bind");
    for (const plugin of plugins) plugin.postBind?.(pod, nodeName);
    return { type: "bound" };
  } catch (error) {
    return { type: "failed", error, podIsGone: isApiError(error, "NotFound") };
  }
}
