import { showLabels } from "../../apimachinery/labels.ts";
import { dns1123Label } from "../../apimachinery/names.ts";
import { ageColumn, nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource, proxySubresource } from "../define.ts";
import type { Column } from "../definition.ts";
import { services } from "../resources.generated.ts";
import { serviceStrategy } from "./service-strategy.ts";
import { validateService, validateServiceStatusUpdate, validateServiceUpdate } from "./service-validation.ts";
import { serviceWarnings } from "./service-warnings.ts";
import type { LoadBalancerStatus, Service, ServicePort } from "./types.generated.ts";

/** The addresses a load balancer gave, sorted. */
function showLoadBalancer(status: LoadBalancerStatus | undefined): string {
  const addresses = (status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
  return [...new Set(addresses.filter((address) => address !== ""))].sort().join(",");
}

function externalAddress({ spec, status }: Service): string {
  const external = (spec.externalIPs ?? []).join(",");
  switch (spec.type) {
    case "ClusterIP":
    case "NodePort":
      return external || "<none>";
    case "LoadBalancer": {
      const given = showLoadBalancer(status?.loadBalancer);
      return [given, external].filter((part) => part !== "").join(",") || "<pending>";
    }
    case "ExternalName":
      return spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function showPort({ port, nodePort = 0, protocol = "" }: ServicePort): string {
  return nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`;
}

const columns: readonly Column<Service>[] = [
  nameColumn,
  stringColumn("Type", "How the service is exposed.", ({ spec }) => spec.type ?? ""),
  stringColumn(
    "Cluster-IP",
    "The service's address in the cluster.",
    ({ spec }) => spec.clusterIPs?.[0] || "<none>",
  ),
  stringColumn("External-IP", "Addresses from outside of the cluster.", externalAddress),
  stringColumn(
    "Port(s)",
    "Ports of the service, with the node ports they have.",
    ({ spec }) => (spec.ports ?? []).map(showPort).join(",") || "<none>",
  ),
  ageColumn,
  wide(
    stringColumn("Selector", "Labels of the pods behind the service.", ({ spec }) =>
      showLabels(spec.selector),
    ),
  ),
];

export const serviceDefinition = defineResource(services, {
  shortNames: ["svc"],
  categories: ["all"],
  hasStatus: true,
  checkName: dns1123Label,
  columns,
  strategy: {
    ...serviceStrategy,
    warnings: serviceWarnings,
    validate: (service) => validateService(service),
    validateUpdate: validateServiceUpdate,
    validateStatusUpdate: validateServiceStatusUpdate,
  },
  selectableFields: {
    "spec.clusterIP": ({ spec }) => spec.clusterIP ?? "",
    "spec.type": ({ spec }) => spec.type ?? "",
  },
  subresources: [proxySubresource("ServiceProxyOptions")],
});
