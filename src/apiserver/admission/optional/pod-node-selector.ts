import type { Namespace, Pod } from "../../../api/core/types.generated.ts";
import { forbidden, internalError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { type AdmissionDependencies, findNamespace, isFor } from "../dependencies.ts";

const annotation = "scheduler.alpha.kubernetes.io/node-selector";

type Labels = Readonly<Record<string, string>>;

/** Pods run on the nodes that their namespace selects. `selectors`: by namespace, and `clusterDefaultNodeSelector`. */
export function podNodeSelector(
  dependencies: AdmissionDependencies,
  selectors: Labels = {},
): AdmissionPlugin {
  const selectorOf = async (attributes: AdmissionAttributes): Promise<Labels> => {
    const namespace = await findNamespace(dependencies, attributes.namespace);
    if (namespace === undefined) throw internalError(`namespace ${attributes.namespace} does not exist`);
    return labelsOf(ownSelector(namespace) ?? selectors.clusterDefaultNodeSelector ?? "");
  };
  return {
    name: "PodNodeSelector",
    handles: (operation) => operation === "CREATE",
    async admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      const wanted = await selectorOf(attributes);
      checkConflict(attributes, wanted, pod);
      return { ...pod, spec: { ...pod.spec, nodeSelector: { ...wanted, ...pod.spec.nodeSelector } } };
    },
    async validate(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return;
      const pod = attributes.object as AnyObject & Pod;
      checkConflict(attributes, await selectorOf(attributes), pod);
      const allowed = labelsOf(selectors[attributes.namespace] ?? "");
      const isAllowed = ([key, value]: [string, string]) => allowed[key] === value;
      if (Object.keys(allowed).length > 0 && !Object.entries(pod.spec.nodeSelector ?? {}).every(isAllowed))
        throw refusal(attributes, "pod node label selector labels conflict with its namespace whitelist");
    },
  };
}

const ownSelector = ({ metadata }: Namespace) => metadata.annotations?.[annotation];

function checkConflict(attributes: AdmissionAttributes, wanted: Labels, { spec }: Pod): void {
  const conflicts = Object.entries(spec.nodeSelector ?? {}).some(
    ([key, value]) => Object.hasOwn(wanted, key) && wanted[key] !== value,
  );
  if (conflicts)
    throw refusal(attributes, "pod node label selector conflicts with its namespace node label selector");
}

const refusal = ({ resource, object }: AdmissionAttributes, why: string) =>
  forbidden(resource, object?.metadata.name ?? "", why);

/** `zone=a,disk=ssd` */
function labelsOf(text: string): Labels {
  if (text.trim() === "") return {};
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [key = "", value, ...rest] = part.split("=").map((piece) => piece.trim());
      if (value === undefined || rest.length > 0) throw internalError(`invalid selector: ${part}`);
      return [key, value];
    }),
  );
}
