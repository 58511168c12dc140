import type { Strategy } from "../definition.ts";
import type { Ingress } from "./types.generated.ts";

export const ingressStrategy: Strategy<Ingress> = {
  defaults: (ingress) => ({
    ...ingress,
    spec: ingress.spec ?? {},
    status: { ...ingress.status, loadBalancer: ingress.status?.loadBalancer ?? {} },
  }),
  prepareForCreate: (ingress) => ({ ...ingress, status: { loadBalancer: {} } }),
};
