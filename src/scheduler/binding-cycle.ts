import { isApiError } from "../apimachinery/api-error.ts";
import type { PodInfo } from "./cache/pod-info.ts";
import type { Plugin } from "./framework/plugin.ts";
import { Rejection } from "./framework/status.ts";

/** How a binding ended. `rejected`: a plugin said no; `failed`: something went wrong on the way. */
export type BindingOutcome =
  | { readonly type: "bound" }
  | { readonly type: "rejected"; readonly plugin: string; readonly rejection: Rejection }
  | { readonly type: "failed"; readonly error: unknown; readonly podIsGone: boolean };

/** Waits for permission, prepares and binds: all that happens after the decision and may take its time. */
export async function bindPod(
  plugins: readonly Plugin[],
  pod: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<BindingOutcome> {
  try {
    for (const plugin of plugins) {
      const verdict = await plugin.permit?.(pod, nodeName, signal);
      if (verdict instanceof Rejection) return { type: "rejected", plugin: plugin.name, rejection: verdict };
    }
    for (const plugin of plugins) {
      const verdict = await plugin.preBind?.(pod, nodeName, signal);
      if (verdict instanceof Rejection) throw new Error(`${plugin.name}: ${verdict.message}`);
    }
    const binder = plugins.find(({ bind }) => bind !== undefined);
    await binder?.bind?.(pod, nodeName, signal);
    for (const plugin of plugins) plugin.postBind?.(pod, nodeName);
    return { type: "bound" };
  } catch (error) {
    return { type: "failed", error, podIsGone: isApiError(error, "NotFound") };
  }
}
