import type { Pod, Toleration } from "../../api/core/types.generated.ts";
import type { RuntimeClass } from "../../api/node/types.generated.ts";
import { runtimeClasses } from "../../api/resources.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { compareQuantity, parseQuantity } from "../../apimachinery/quantity.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, getLive, isFor, refuse } from "./dependencies.ts";

/** Adds what a pod's runtime class costs, and where it can run. */
export function runtimeClassPlugin(dependencies: AdmissionDependencies): AdmissionPlugin {
  const lister = dependencies.informers.informer(runtimeClasses).lister;
  const find = (name: string) => lister.get(name) ?? getLive(dependencies.client, runtimeClasses, { name });
  return {
    name: "RuntimeClass",
    handles: (operation) => operation === "CREATE",
    admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that it is a pod.
      const pod = attributes.object as AnyObject & Pod;
      const name = pod.spec.runtimeClassName ?? "";
      if (name === "") return pod;
      const found = find(name);
      const apply = (runtimeClass: RuntimeClass | undefined) => {
        if (runtimeClass === undefined)
          throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
        return withScheduling(attributes, withOverhead(attributes, pod, runtimeClass), runtimeClass);
      };
      return found instanceof Promise ? found.then(apply) : apply(found);
    },
    validate(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return;
      // The resource says that it is a pod.
      const { spec } = attributes.object as AnyObject & Pod;
      if (spec.overhead !== undefined && !spec.runtimeClassName)
        throw refuse(
          attributes,
          "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        );
    },
  };
}

type PodObject = AnyObject & Pod;

function withOverhead(
  attributes: AdmissionAttributes,
  pod: PodObject,
  { overhead }: RuntimeClass,
): PodObject {
  const fixed = overhead?.podFixed;
  const given = pod.spec.overhead;
  if (given !== undefined && fixed === undefined)
    throw refuse(
      attributes,
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    );
  if (fixed === undefined) return pod;
  if (given !== undefined && !sameAmounts(given, fixed))
    throw refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  return { ...pod, spec: { ...pod.spec, overhead: fixed } };
}

function sameAmounts(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => {
      const other = b[name];
      return (
        other !== undefined && compareQuantity(parseQuantity(a[name] ?? "0"), parseQuantity(other)) === 0
      );
    })
  );
}

function withScheduling(
  attributes: AdmissionAttributes,
  pod: PodObject,
  { scheduling }: RuntimeClass,
): PodObject {
  if (scheduling === undefined) return pod;
  const nodeSelector: Record<string, string> = { ...pod.spec.nodeSelector };
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const given = nodeSelector[key];
    if (given !== undefined && given !== value)
      throw refuse(
        attributes,
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${given}`,
      );
    nodeSelector[key] = value;
  }
  const given = pod.spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((wanted) => !given.some((own) => isSame(own, wanted)));
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
      ...(given.length + added.length === 0 ? {} : { tolerations: [...given, ...added] }),
    },
  };
}

function isSame(a: Toleration, b: Toleration): boolean {
  return (
    a.key === b.key &&
    a.operator === b.operator &&
    a.value === b.value &&
    a.effect === b.effect &&
    a.tolerationSeconds === b.tolerationSeconds
  );
}
