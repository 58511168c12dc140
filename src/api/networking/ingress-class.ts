import { ageColumn, nameColumnMarking, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { ingressClasses } from "../resources.generated.ts";
import { ingressClassStrategy } from "./ingress-class-strategy.ts";
import type { IngressClass } from "./types.generated.ts";

function parameters({ spec }: IngressClass): string {
  const reference = spec?.parameters;
  if (reference === undefined) return "<none>";
  const kind = reference.apiGroup === undefined ? reference.kind : `${reference.kind}.${reference.apiGroup}`;
  return `${kind}/${reference.name}`;
}

/** Ingresses that name no class get this one. */
const isDefaultIngressClass = ({ metadata: { annotations = {} } }: IngressClass) =>
  annotations["ingressclass.kubernetes.io/is-default-class"] === "true";

export const ingressClassDefinition = defineResource(ingressClasses, {
  columns: [
    nameColumnMarking(isDefaultIngressClass),
    stringColumn("Controller", "Who serves ingresses of this class.", ({ spec }) => spec?.controller ?? ""),
    stringColumn("Parameters", "Where more of its settings stand.", parameters),
    ageColumn,
  ],
  strategy: ingressClassStrategy,
});
