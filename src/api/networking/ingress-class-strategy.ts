import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField } from "../fill.ts";
import { validateIngressClass, validateIngressClassUpdate } from "./ingress-validation.ts";
import type { IngressClass } from "./types.generated.ts";

export const ingressClassStrategy: Strategy<IngressClass> = {
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
  defaults: (object) =>
    mapField({ ...object, spec: object.spec ?? {} }, "spec", (spec) =>
      mapField(spec, "parameters", (parameters) => fillAbsent(parameters, { scope: "Cluster" })),
    ),
};
