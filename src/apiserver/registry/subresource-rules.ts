import type { ResourceDefinition } from "../../api/definition.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { UpdateRules } from "./update-rules.ts";
import { statusRules, withField, withGeneration } from "./update-rules.ts";

/** Rules for subresources that have the shape of their object and change one part of it. */

type Parts = Readonly<Record<string, unknown>>;

function partsOf(value: unknown): Parts {
  return (value ?? {}) as Parts; // spec or status of a kind whose shape was checked on input
}

/** `namespaces/finalize`: spec.finalizers; with the last one gone the namespace goes. */
function namespaceFinalizeRules({ strategy }: ResourceDefinition): UpdateRules {
  return {
    prepare: (object, old) => withField(object, "status", old.status),
    validate: (object, old) => strategy.validateSubresourceUpdate?.("finalize", object, old) ?? [],
  };
}

/** `certificatesigningrequests/approval`: the conditions that say yes or no. */
function approvalRules(definition: ResourceDefinition): UpdateRules {
  const { strategy } = definition;
  return {
    prepare: (object, old) => ({
      ...old,
      metadata: object.metadata,
      status: { ...partsOf(old.status), conditions: partsOf(object.status).conditions ?? [] },
    }),
    validate: (object, old) => strategy.validateSubresourceUpdate?.("approval", object, old) ?? [],
  };
}

interface Named {
  readonly name: string;
  readonly resources?: unknown;
  readonly resizePolicy?: unknown;
}

function namedList(spec: unknown, list: string): readonly Named[] {
  return (partsOf(spec)[list] ?? []) as readonly Named[]; // lists of containers
}

/** `pods/ephemeralcontainers`: containers may come, none may change or go. */
function ephemeralContainersRules(definition: ResourceDefinition): UpdateRules {
  return {
    prepare(object, old) {
      const ephemeralContainers = namedList(object.spec, "ephemeralContainers");
      const spec = { ...partsOf(old.spec), ephemeralContainers };
      return withGeneration(definition, { ...old, metadata: keptMetadata(object, old), spec }, old);
    },
    validate: (object, old) =>
      definition.strategy.validateSubresourceUpdate?.("ephemeralcontainers", object, old) ?? [],
  };
}

/** The object's metadata as it was: only who wrote which field, and which state was read, is the request's to say. */
function keptMetadata({ metadata }: AnyObject, old: AnyObject): AnyObject["metadata"] {
  const { resourceVersion, managedFields } = metadata;
  return {
    ...old.metadata,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
}

/** The old containers with the new ones' resources; the new ones where they are others. */
function withResources(after: readonly Named[], before: readonly Named[]): readonly Named[] {
  if (after.some(({ name }, index) => name !== before[index]?.name)) return after;
  return before.map((container, index) => {
    const merged: Record<string, unknown> = { ...container };
    setOrDrop(merged, "resources", after[index]?.resources);
    setOrDrop(merged, "resizePolicy", after[index]?.resizePolicy);
    return { ...merged, name: container.name };
  });
}

function setOrDrop(parts: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) delete parts[name];
  else parts[name] = value;
}

/** `pods/resize`: the resources of containers and of the pod; what else differs is left as it was. */
function resizeRules(definition: ResourceDefinition): UpdateRules {
  return {
    prepare(object, old) {
      const lists = ["containers", "initContainers"] as const;
      const isSameCount = lists.every(
        (list) => namedList(object.spec, list).length === namedList(old.spec, list).length,
      );
      // That containers came, went or changed places is for validation to refuse.
      if (!isSameCount) return withField(object, "status", old.status);
      const spec: Record<string, unknown> = { ...partsOf(old.spec) };
      setOrDrop(spec, "resources", partsOf(object.spec).resources);
      for (const list of lists) {
        const merged = withResources(namedList(object.spec, list), namedList(old.spec, list));
        if (merged.length > 0) spec[list] = merged;
      }
      return withGeneration(definition, { ...old, metadata: keptMetadata(object, old), spec }, old);
    },
    validate: (object, old) => definition.strategy.validateSubresourceUpdate?.("resize", object, old) ?? [],
  };
}

/** The rules of `group/plural/subresource`; undefined: it has no shape of its object's. */
export function subresourceRules(
  definition: ResourceDefinition,
  subresource: string,
): UpdateRules | undefined {
  if (subresource === "status") return definition.hasStatus ? statusRules(definition) : undefined;
  switch (`${definition.group}/${definition.plural}/${subresource}`) {
    case "/namespaces/finalize":
      return namespaceFinalizeRules(definition);
    case "/pods/ephemeralcontainers":
      return ephemeralContainersRules(definition);
    case "/pods/resize":
      return resizeRules(definition);
    case "certificates.k8s.io/certificatesigningrequests/approval":
      return approvalRules(definition);
    default:
      return undefined;
  }
}
