import { isExtendedResource } from "../../../api/core/resource-validation.ts";
import type { Pod, Toleration } from "../../../api/core/types.generated.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionPlugin } from "../../stages.ts";
import { isFor } from "../dependencies.ts";

/** A pod that asks for a device tolerates the taint that keeps others off the nodes that have it. */
export function extendedResourceToleration(): AdmissionPlugin {
  return {
    name: "ExtendedResourceToleration",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      const { containers, initContainers = [], tolerations = [] } = pod.spec;
      const requested = [...containers, ...initContainers].flatMap(({ resources }) =>
        Object.keys(resources?.requests ?? {}),
      );
      const wanted = [...new Set(requested.filter(isExtendedResource))].toSorted();
      const missing = wanted.filter((key) => !tolerations.some((given) => tolerates(given, key)));
      if (missing.length === 0) return pod;
      const added = missing.map((key): Toleration => ({ key, operator: "Exists", effect: "NoSchedule" }));
      return { ...pod, spec: { ...pod.spec, tolerations: [...tolerations, ...added] } };
    },
  };
}

const tolerates = ({ key, operator, effect, value = "" }: Toleration, wanted: string) =>
  key === wanted && operator === "Exists" && effect === "NoSchedule" && value === "";
