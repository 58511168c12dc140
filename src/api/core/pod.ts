import { defineResource, proxySubresource, streamSubresource, subresource } from "../define.ts";
import { pods } from "../resources.generated.ts";
import { podColumns, podRowConditions } from "./pod-columns.ts";
import { podStrategy } from "./pod-strategy.ts";

export const podDefinition = defineResource(pods, {
  shortNames: ["po"],
  categories: ["all"],
  hasStatus: true,
  columns: podColumns,
  rowConditions: podRowConditions,
  strategy: podStrategy,
  selectableFields: {
    "spec.nodeName": ({ spec }) => spec.nodeName ?? "",
    "spec.restartPolicy": ({ spec }) => spec.restartPolicy ?? "",
    "spec.schedulerName": ({ spec }) => spec.schedulerName ?? "",
    "spec.serviceAccountName": ({ spec }) => spec.serviceAccountName ?? "",
    "spec.hostNetwork": ({ spec }) => String(spec.hostNetwork ?? false),
    "status.phase": ({ status }) => status?.phase ?? "",
    "status.podIP": ({ status }) => status?.podIPs?.[0]?.ip ?? status?.podIP ?? "",
    // Asked for, it is found nowhere, as upstream.
    "status.podIPs": () => "",
    "status.nominatedNodeName": ({ status }) => status?.nominatedNodeName ?? "",
  },
  subresources: [
    streamSubresource("attach", "PodAttachOptions"),
    subresource("binding", "Binding", ["create"]),
    subresource("ephemeralcontainers", "Pod", ["get", "patch", "update"]),
    subresource("eviction", "Eviction", ["create"], { group: "policy", version: "v1" }),
    streamSubresource("exec", "PodExecOptions"),
    subresource("log", "Pod", ["get"]),
    streamSubresource("portforward", "PodPortForwardOptions"),
    proxySubresource("PodProxyOptions"),
    subresource("resize", "Pod", ["get", "patch", "update"]),
  ],
});
