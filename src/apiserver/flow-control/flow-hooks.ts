import type { Clock, Timer } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { createClient } from "../../client/rest-client.ts";
import type { ResourceTable } from "../resource-table.ts";
import type { PostStartHook } from "../stages.ts";
import { consumeConfiguration } from "./configuration-consumer.ts";
import { ensureConfiguration } from "./configuration-producer.ts";
import type { FlowControl } from "./flow-control.ts";

export interface FlowHookDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

const group = "flowcontrol.apiserver.k8s.io";
const ensurePeriodMs = 60_000;
const adjustPeriodMs = 10_000;

/** What priority and fairness does once the server can answer. */
export function flowHooks(
  { clock, logger }: FlowHookDependencies,
  table: ResourceTable,
  { controller, isEnabled }: Pick<FlowControl, "controller" | "isEnabled">,
): readonly PostStartHook[] {
  if (!isEnabled) return [];
  const schemas = table.storeOf({ group, plural: "flowschemas" });
  const levels = table.storeOf({ group, plural: "prioritylevelconfigurations" });
  if (schemas === undefined || levels === undefined) return [];
  return [
    {
      name: "priority-and-fairness-config-producer",
      async run(loopback, { signal }) {
        const client = createClient({ transport: loopback, clock });
        await ensureConfiguration(client, signal);
        every(clock, ensurePeriodMs, signal, () => {
          ensureConfiguration(client, signal).catch((error: unknown) => {
            if (!signal.aborted)
              logger.warn({ error }, "the suggested flow schemas are not as they should be");
          });
        });
      },
    },
    {
      name: "priority-and-fairness-config-consumer",
      covers: ["priority-and-fairness-filter", "storage-object-count-tracker-hook"],
      // So that the first objects come at once and not one by one.
      after: "priority-and-fairness-config-producer",
      async run(loopback, { signal }) {
        const client = createClient({ transport: loopback, clock });
        await consumeConfiguration({ controller, schemas, levels, client, clock, logger, signal });
        every(clock, adjustPeriodMs, signal, () => controller.adjust());
      },
    },
  ];
}

function every(clock: Clock, periodMs: number, signal: AbortSignal, act: () => void): void {
  let timer: Timer;
  const again = () => {
    act();
    timer = clock.setTimer(periodMs, again);
  };
  timer = clock.setTimer(periodMs, again);
  signal.addEventListener("abort", () => timer.cancel(), { once: true });
}
