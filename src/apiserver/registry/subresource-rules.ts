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
      return withGeneration(definition, { ...old, metadata: object.metadata, spec }, old);
    },
    validate: (object, old) =>
      definition.strategy.validateSubresourceUpdate?.("ephemeralcontainers", object, old) ?? [],
  };
}

/** `pods/resize`: the resources of containers, and nothing else. */
function resizeRules(definition: ResourceDefinition): UpdateRules {
  const resized = (object: AnyObject, old: AnyObject, list: string) => {
    const wanted = new Map(namedList(object.spec, list).map((container) => [container.name, container]));
    return namedList(old.spec, list).map((container) => {
      const { resources = container.resources, resizePolicy = container.resizePolicy } =
        wanted.get(container.name) ?? {};
      return {
        ...container,
        ...(resources === undefined ? {} : { resources }),
        ...(resizePolicy === undefined ? {} : { resizePolicy }),
      };
    });
  };
  return {
    prepare(object, old) {
      const spec = { ...partsOf(old.spec), containers: resized(object, old, "containers") };
      const initContainers = resized(object, old, "initContainers");
      const complete = initContainers.length === 0 ? spec : { ...spec, initContainers };
      return withGeneration(definition, { ...old, metadata: object.metadata, spec: complete }, old);
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
