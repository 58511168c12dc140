import type { Container, Pod, PodSpec } from "../../api/core/types.generated.ts";
import { nodes } from "../../api/resources.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, getLive, refuse } from "./dependencies.ts";

type Changed = (before: PodSpec, after: PodSpec) => boolean;

/** What a change of a pod asks of the node it is on, by the name under which nodes declare it. */
const features: Readonly<Record<string, Changed>> = {
  InPlacePodLevelResourcesVerticalScaling: (before, after) =>
    !semanticallyEqual(before.resources, after.resources),
  InPlacePodVerticalScalingInitContainers: (before, after) =>
    (before.initContainers ?? []).some(
      (container, index) =>
        !isSidecar(container) &&
        !semanticallyEqual(container.resources, after.initContainers?.[index]?.resources),
    ),
};

const isSidecar = ({ restartPolicy }: Container) => restartPolicy === "Always";

/** A pod on a node is not changed into what its node's kubelet does not know (KEP-5328). */
export function nodeDeclaredFeatureValidator({ informers, client }: AdmissionDependencies): AdmissionPlugin {
  const { lister } = informers.informer(nodes);
  return {
    name: "NodeDeclaredFeatureValidator",
    handles: (operation) => operation === "UPDATE",
    validate(attributes) {
      const { resource, subresource, object, oldObject } = attributes;
      if (resource.group !== "" || resource.resource !== "pods") return undefined;
      if (subresource !== "" && subresource !== "resize") return undefined;
      if (object === undefined || oldObject === undefined) return undefined;
      // The resource says that they are pods.
      const { spec } = object as AnyObject & Pod;
      const { spec: before } = oldObject as AnyObject & Pod;
      const name = spec.nodeName ?? "";
      if (name === "" || spec === before) return undefined;
      const wanted = Object.keys(features).filter((feature) => features[feature]?.(before, spec) === true);
      if (wanted.length === 0) return undefined;
      return judge(name, wanted);

      async function judge(node: string, required: readonly string[]): Promise<void> {
        const found = lister.get(node) ?? (await getLive(client, nodes, { name: node }));
        if (found === undefined) throw refuse(attributes, `node "${node}" not found`);
        const missing = required.filter(
          (feature) => found.status?.declaredFeatures?.includes(feature) !== true,
        );
        if (missing.length > 0)
          throw refuse(
            attributes,
            `pod update requires features ${missing.join(", ")} which are not available on node "${node}"`,
          );
      }
    },
  };
}
