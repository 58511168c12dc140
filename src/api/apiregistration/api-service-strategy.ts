import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField } from "../fill.ts";
import { validateApiService } from "./api-service-validation.ts";
import type { APIService } from "./types.generated.ts";

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
  prepareForCreate: (object) => ({ ...object, status: {} }),
};
