import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column } from "../definition.ts";
import { ingresses } from "../resources.generated.ts";
import { ingressStrategy } from "./ingress-strategy.ts";
import type { Ingress } from "./types.generated.ts";

function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const shown = rules.flatMap(({ host }) => host || []).slice(0, 3);
  if (shown.length === 0) return "*";
  const text = shown.join(",");
  // The count is of rules, as upstream has it, whether they name a host or not.
  return shown.length === 3 && rules.length > 3 ? `${text} + ${rules.length - 3} more...` : text;
}

function address({ status }: Ingress): string {
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  return [...new Set(addresses.filter((text) => text !== ""))].sort().join(",");
}

const columns: readonly Column<Ingress>[] = [
  nameColumn,
  stringColumn(
    "Class",
    "The class of controllers that serve it.",
    ({ spec }) => spec?.ingressClassName ?? "<none>",
  ),
  stringColumn("Hosts", "Host names it is for.", hosts),
  stringColumn("Address", "Where its load balancer listens.", address),
  stringColumn("Ports", "Ports that are open.", ({ spec }) =>
    (spec?.tls ?? []).length > 0 ? "80, 443" : "80",
  ),
  ageColumn,
];

export const ingressDefinition = defineResource(ingresses, {
  shortNames: ["ing"],
  hasStatus: true,
  columns,
  strategy: ingressStrategy,
});
