import type { Strategy } from "../definition.ts";
import { fillAbsent, fillEmpty, mapField } from "../fill.ts";
import { validateFlowSchema } from "./flowcontrol-validation.ts";
import { validatePriorityLevel } from "./priority-level-validation.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "./types.generated.ts";

export const flowSchemaStrategy: Strategy<FlowSchema> = {
  validate: validateFlowSchema,
  validateUpdate: validateFlowSchema,
  defaults: (object) => ({
    ...mapField(object, "spec", (spec) => fillEmpty(spec, { matchingPrecedence: 1000 })),
    status: object.status ?? {},
  }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = {
  validate: validatePriorityLevel,
  validateUpdate: validatePriorityLevel,
  defaults: (object) => ({ ...mapField(object, "spec", defaultSpec), status: object.status ?? {} }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
};

function defaultSpec(given: PriorityLevelConfiguration["spec"]): PriorityLevelConfiguration["spec"] {
  const exempt = mapField(given, "exempt", (part) =>
    fillAbsent(part, { nominalConcurrencyShares: 0, lendablePercent: 0 }),
  );
  return mapField(exempt, "limited", (part) =>
    mapField(
      fillAbsent(part, { nominalConcurrencyShares: 30, lendablePercent: 0 }),
      "limitResponse",
      (response) =>
        mapField(response, "queuing", (queuing) =>
          fillEmpty(queuing, { handSize: 8, queues: 64, queueLengthLimit: 50 }),
        ),
    ),
  );
}
