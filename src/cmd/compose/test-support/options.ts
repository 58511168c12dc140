import { silentLogger } from "../../../base/log.ts";
import { seededRandom } from "../../../base/random.ts";
import { systemClock } from "../../../base/system-clock.ts";
import { createMemoryStorage } from "../../../storage/memory/memory-storage.ts";
import type { ControlPlaneOptions } from "../api-server.ts";
import { defaultNetwork } from "../cluster-network.ts";

/** An API server on a free port over an empty store; what a test is about comes beside it. */
export function servedOptions(pki: ControlPlaneOptions["pki"]) {
  return {
    storage: createMemoryStorage({ clock: systemClock }),
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    pki,
    network: defaultNetwork,
    listen: { host: "127.0.0.1", port: 0 },
    externalUrl: "https://127.0.0.1:6443",
    disabled: new Set<string>(),
  } satisfies ControlPlaneOptions;
}
