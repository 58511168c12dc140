import type {
  FlowSchema,
  FlowSchemaCondition,
  PriorityLevelConfiguration,
} from "../../api/flowcontrol/types.generated.ts";
import { flowSchemas } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import { type Clock, rfc3339, sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { FlowController } from "./flow-controller.ts";

export interface ConfigurationConsumerOptions {
  readonly controller: FlowController;
  readonly schemas: ResourceStore;
  readonly levels: ResourceStore;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const fieldManager = "api-priority-and-fairness-config-consumer-v1";
/** Conditions are nobody's hurry: they are written when the start is over, and changes that come together at once. */
const conditionDelayMs = 2_000;
const retryMs = 30_000;
const rewatchMs = 1_000;
const everything = { namespace: "" };

/** Works by the stored objects from now on. Resolves when those of now are in force. */
export async function consumeConfiguration(options: ConfigurationConsumerOptions): Promise<void> {
  const consumer = new ConfigurationConsumer(options);
  await consumer.digest();
  consumer.follow(options.schemas);
  consumer.follow(options.levels);
}

class ConfigurationConsumer {
  readonly #options: ConfigurationConsumerOptions;
  #pending: Promise<void> | undefined;

  constructor(options: ConfigurationConsumerOptions) {
    this.#options = options;
  }

  async digest(): Promise<void> {
    const { controller, schemas, levels, signal } = this.#options;
    const [schemaList, levelList] = await Promise.all([
      schemas.cache.list({ selection: everything, signal }),
      levels.cache.list({ selection: everything, signal }),
    ]);
    // The stores are those of these kinds.
    const schemaObjects = schemaList.items.map(({ object }) => object as unknown as FlowSchema);
    const levelObjects = levelList.items.map(({ object }) => object as unknown as PriorityLevelConfiguration);
    controller.digest(levelObjects, schemaObjects);
    if (schemaObjects.some((schema) => wantedCondition(controller, schema) !== undefined))
      this.#pending ??= this.#writeConditions(conditionDelayMs).finally(() => {
        this.#pending = undefined;
      });
  }

  follow(store: ResourceStore): void {
    void this.#follow(store);
  }

  async #follow(store: ResourceStore): Promise<void> {
    const { clock, logger, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const { revision } = await store.cache.list({ selection: everything, signal });
        const events = await store.cache.watch({ selection: everything, afterRevision: revision, signal });
        await this.digest();
        for await (const _ of events) await this.digest();
        if (!signal.aborted) await sleep(clock, rewatchMs, { signal });
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ error }, "the priority and fairness configuration is not followed for a moment");
        await sleep(clock, rewatchMs, { signal }).catch(() => {});
      }
    }
  }

  /** Says on each schema whether its level is there. */
  async #writeConditions(delayMs: number): Promise<void> {
    const { controller, schemas, client, clock, logger, signal } = this.#options;
    try {
      await sleep(clock, delayMs, { signal });
      const { items } = await schemas.cache.list({ selection: everything, signal });
      for (const { object } of items) {
        const schema = object as unknown as FlowSchema; // the store is that of schemas
        const condition = wantedCondition(controller, schema);
        if (condition === undefined) continue;
        const name = schema.metadata.name ?? "";
        const patch = {
          apiVersion: schema.apiVersion,
          kind: schema.kind,
          metadata: { name },
          status: { conditions: [{ ...condition, lastTransitionTime: rfc3339(clock.now()) }] },
        };
        await client
          .patch(
            flowSchemas,
            { name },
            { type: "apply", object: patch, fieldManager, force: true },
            { subresource: "status", signal },
          )
          .catch((error: unknown) => {
            if (!isApiError(error, "NotFound")) throw error;
          });
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ error }, "a flow schema's condition could not be written and is tried again");
      return this.#writeConditions(retryMs);
    }
  }
}

/** Undefined: the schema says already what is so. */
function wantedCondition(
  controller: Pick<FlowController, "hasLevel">,
  { spec, status }: FlowSchema,
): FlowSchemaCondition | undefined {
  const { name } = spec.priorityLevelConfiguration;
  const about = `This FlowSchema references the PriorityLevelConfiguration object named "${name}"`;
  const wanted = controller.hasLevel(name)
    ? { type: "Dangling", status: "False", reason: "Found", message: `${about} and it exists` }
    : {
        type: "Dangling",
        status: "True",
        reason: "NotFound",
        message: `${about} but there is no such object`,
      };
  const current = status?.conditions?.find(({ type }) => type === "Dangling");
  const isSaid =
    current?.status === wanted.status &&
    current.reason === wanted.reason &&
    current.message === wanted.message;
  return isSaid ? undefined : wanted;
}
