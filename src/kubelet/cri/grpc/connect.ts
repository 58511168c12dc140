import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { systemClock } from "../../../base/system-clock.ts";
import { systemRandom } from "../../../base/system-random.ts";
import type { RuntimeConnection } from "../runtime.ts";
import { openChannel } from "./channel.ts";
import { containerEventStream } from "./container-events.ts";
import { imageClient } from "./image-client.ts";
import { runtimeClient } from "./runtime-client.ts";

export interface ConnectOptions {
  /** The runtime's socket: "/run/containerd/containerd.sock", with or without "unix://". */
  readonly address: string;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * A client for any CRI v1 runtime. Dials at the first call and again after a loss, so it may be made before the runtime
 * is up and outlives its restarts.
 */
export function connectRuntime(options: ConnectOptions): RuntimeConnection {
  const { clock = systemClock, random = systemRandom } = options;
  const channel = openChannel(options.address.replace(/^unix:\/\//, ""));
  const client = runtimeClient(channel);
  return {
    runtime: {
      ...client,
      events: (eventOptions) =>
        containerEventStream({ channel, runtime: client, clock, random }, eventOptions),
    },
    images: imageClient(channel),
    close: () => channel.close(),
  };
}
