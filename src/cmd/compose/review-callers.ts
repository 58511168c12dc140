import { type ReviewCaller, reviewCaller } from "../../apiserver/review-webhook/review-caller.ts";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { resolveContext } from "../../client/kubeconfig.ts";
import { loadKubeconfig } from "../../client/transport/connect.ts";
import { connectionOf } from "../../client/transport/connection.ts";
import { createHttpsTransport } from "../../client/transport/https-transport.ts";

/** A caller for the server that a kubeconfig's current context names. Rejects with an Error for a file that is none. */
export async function reviewCallerFor(
  kubeconfig: string,
  dependencies: {
    readonly clock: Clock;
    readonly random: Random;
    readonly signal: AbortSignal;
    readonly firstDelayMs?: number;
  },
): Promise<ReviewCaller> {
  const connection = await connectionOf(resolveContext(await loadKubeconfig([kubeconfig])));
  const transport = createHttpsTransport(connection);
  dependencies.signal.addEventListener("abort", () => void transport.close(), { once: true });
  return reviewCaller({ ...dependencies, transport, url: connection.server });
}
