import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField } from "../fill.ts";
import { validateApiService } from "./api-service-validation.ts";
import type { APIService, APIServiceStatus } from "./types.generated.ts";

export const apiServiceStrategy: Strategy<APIService> = {
  validate: validateApiService,
  validateUpdate: validateApiService,
  unconditionalUpdate: false,
  generationFields: [],
  defaults: (object) => ({
    ...mapField(object, "spec", (spec) =>
      mapField(spec, "service", (service) => fillAbsent(service, { port: 443 })),
    ),
    status: object.status ?? {},
  }),
  prepareForCreate: (object) => ({
    ...object,
    status: object.spec?.service === undefined ? localStatus(object) : {},
  }),
};

/** What this server serves itself is there as soon as it is said. */
function localStatus({ metadata }: APIService): APIServiceStatus {
  const { creationTimestamp } = metadata;
  const condition = {
    ...(typeof creationTimestamp === "string" ? { lastTransitionTime: creationTimestamp } : {}),
    message: "Local APIServices are always available",
    reason: "Local",
    status: "True",
    type: "Available",
  };
  return { conditions: [condition] };
}
