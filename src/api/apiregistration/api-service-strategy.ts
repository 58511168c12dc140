import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField } from "../fill.ts";
import type { APIService } from "./types.generated.ts";

export const apiServiceStrategy: Strategy<APIService> = {
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
