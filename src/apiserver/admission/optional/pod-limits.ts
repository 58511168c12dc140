import type { Pod, Service } from "../../../api/core/types.generated.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionPlugin } from "../../stages.ts";
import { isFor, refuse } from "../dependencies.ts";

const hostname = "kubernetes.io/hostname";

/** A pod keeps others off its node at most, not off a whole zone. */
export function limitPodHardAntiAffinityTopology(): AdmissionPlugin {
  return {
    name: "LimitPodHardAntiAffinityTopology",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    validate(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return;
      // The resource says that it is a pod.
      const { affinity } = (attributes.object as AnyObject & Pod).spec;
      for (const { topologyKey } of affinity?.podAntiAffinity
        ?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
        if (topologyKey !== hostname)
          throw refuse(
            attributes,
            `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${topologyKey} but only key ${hostname} is allowed`,
          );
    },
  };
}

/** No service takes traffic of an address that it does not own (CVE-2020-8554). Those that did before may go on. */
export function denyServiceExternalIps(): AdmissionPlugin {
  return {
    name: "DenyServiceExternalIPs",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    validate(attributes) {
      if (!isFor(attributes, "", "services") || attributes.object === undefined) return;
      // The resource says that it is a service.
      const { externalIPs = [] } = (attributes.object as AnyObject & Service).spec ?? {};
      const old = new Set((attributes.oldObject as (AnyObject & Service) | undefined)?.spec?.externalIPs);
      if (externalIPs.some((address) => !old.has(address)))
        throw refuse(attributes, "Use of external IPs is denied by admission control.");
    },
  };
}
