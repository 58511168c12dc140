import type { Strategy } from "../definition.ts";
import { validateIngress, validateIngressCreate, validateIngressStatus } from "./ingress-validation.ts";
import type { Ingress } from "./types.generated.ts";

export const ingressStrategy: Strategy<Ingress> = {
  validate: validateIngressCreate,
  validateUpdate: validateIngress,
  validateStatusUpdate: validateIngressStatus,
  defaults: (ingress) => ({
    ...ingress,
    spec: ingress.spec ?? {},
    status: { ...ingress.status, loadBalancer: ingress.status?.loadBalancer ?? {} },
  }),
  warnings: ({ metadata }, old) =>
    old === undefined && metadata.annotations?.["kubernetes.io/ingress.class"] !== undefined
      ? [`annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
  prepareForCreate: (ingress) => ({ ...ingress, status: { loadBalancer: {} } }),
};
