import type { Pod } from "../../api/core/types.generated.ts";
import { priorityClasses } from "../../api/resources.generated.ts";
import type { PriorityClass } from "../../api/scheduling/types.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { Client } from "../../client/client.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { type AdmissionDependencies, getLive, isFor, refuse } from "./dependencies.ts";

/** Resolves a pod's priority class to its number, and keeps the classes themselves consistent. */
export function priority(dependencies: AdmissionDependencies): AdmissionPlugin {
  const classes = dependencies.informers.informer(priorityClasses).lister;
  return {
    name: "Priority",
    handles: (operation) => operation === "CREATE" || operation === "UPDATE",
    admit(attributes) {
      if (!isFor(attributes, "", "pods") || attributes.object === undefined) return attributes.object;
      // The resource says that both are pods.
      const pod = attributes.object as AnyObject & Pod;
      const old = attributes.oldObject as Pod | undefined;
      if (attributes.operation === "UPDATE") return old === undefined ? pod : keepPriority(pod, old);
      const name = pod.spec.priorityClassName ?? "";
      if (name === "") return withPriority(attributes, pod, defaultClass(classes.list()));
      const cached = classes.get(name);
      if (cached !== undefined) return withPriority(attributes, pod, cached);
      return getLive(dependencies.client, priorityClasses, { name }).then((found) => {
        if (found === undefined) throw refuse(attributes, `no PriorityClass with name ${name} was found`);
        return withPriority(attributes, pod, found);
      });
    },
    validate(attributes) {
      if (!isFor(attributes, "scheduling.k8s.io", "priorityclasses") || attributes.object === undefined)
        return;
      // The resource says that it is a priority class.
      checkSingleDefault(attributes, attributes.object as AnyObject & PriorityClass, classes.list());
    },
  };
}

/** A client that does not know the field must not seem to take the priority away. */
function keepPriority(pod: AnyObject & Pod, old: Pod): AnyObject {
  if (old.spec.priority === undefined || pod.spec.priority !== undefined) return pod;
  return { ...pod, spec: { ...pod.spec, priority: old.spec.priority } };
}

/** Of several that claim to be the default, the lowest: no pod gets more than was meant. */
function defaultClass(classes: readonly PriorityClass[]): PriorityClass | undefined {
  return classes
    .filter((candidate) => candidate.globalDefault === true)
    .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
}

function withPriority(
  attributes: AdmissionAttributes,
  pod: AnyObject & Pod,
  found: PriorityClass | undefined,
): AnyObject {
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? "PreemptLowerPriority";
  const { priority: given, preemptionPolicy: givenPolicy } = pod.spec;
  if (given !== undefined && given !== value)
    throw refuse(
      attributes,
      `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  if (givenPolicy !== undefined && givenPolicy !== policy)
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${givenPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  const name = found?.metadata.name;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      ...(name === undefined ? {} : { priorityClassName: name }),
      priority: value,
      preemptionPolicy: policy,
    },
  };
}

function checkSingleDefault(
  attributes: AdmissionAttributes,
  wanted: PriorityClass,
  classes: readonly PriorityClass[],
): void {
  const existing = defaultClass(classes);
  if (wanted.globalDefault !== true || existing === undefined) return;
  // Updating the default itself is no second default.
  if (existing.metadata.name === wanted.metadata.name) return;
  throw refuse(
    attributes,
    `PriorityClass ${existing.metadata.name} is already marked as default. Only one default can exist`,
  );
}

const systemClasses: readonly PriorityClass[] = [
  {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "system-node-critical" },
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
  },
  {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name: "system-cluster-critical" },
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
  },
];

/** The classes every cluster has: made at start where they are missing. */
export async function ensureSystemPriorityClasses(
  client: Client,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  await Promise.all(
    systemClasses.map(async (wanted) => {
      try {
        const { name = "" } = wanted.metadata;
        if ((await getLive(client, priorityClasses, { name })) === undefined)
          await client.create(priorityClasses, wanted, options);
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
      }
    }),
  );
}
