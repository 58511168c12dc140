import type { APIService } from "../../api/apiregistration/types.generated.ts";
import type { ResourceDefinition } from "../../api/definition.ts";
import { semanticEqual } from "../../apimachinery/validation.ts";
import { builtInPriority, customPriority, registrationGroup } from "./group-priorities.ts";

/** The APIServices that stand for what this server serves itself: what there must be, and what is to be done about it. */

const managedLabel = "kube-aggregator.kubernetes.io/automanaged";
/** Made right when the server starts; what becomes of it after that is whose who changes it. */
const onStart = "onstart";
/** Kept as it is. */
const continuously = "true";

/** One for each served version, but for that of APIServices themselves. */
export function localApiServices(definitions: Iterable<ResourceDefinition>): ReadonlyMap<string, APIService> {
  const wanted = new Map<string, APIService>();
  for (const { group, versions, custom } of definitions) {
    if (group === registrationGroup) continue;
    for (const version of versions) {
      const name = `${version}.${group}`;
      const priority = custom === undefined ? builtInPriority(group, version) : customPriority;
      if (priority === undefined || wanted.has(name)) continue;
      wanted.set(name, {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name, labels: { [managedLabel]: custom === undefined ? onStart : continuously } },
        spec: {
          ...(group === "" ? {} : { group }),
          version,
          groupPriorityMinimum: priority.group,
          versionPriority: priority.version,
        },
      });
    }
  }
  return wanted;
}

export type RegistrationStep =
  | { readonly action: "create"; readonly object: APIService }
  | { readonly action: "update"; readonly object: APIService }
  | { readonly action: "delete"; readonly object: APIService };

/** What makes the APIServices right. `starting`: those that are made once at the start are looked at, too. */
export function planRegistration(
  wanted: ReadonlyMap<string, APIService>,
  existing: readonly APIService[],
  { starting }: { readonly starting: boolean },
): readonly RegistrationStep[] {
  const steps: RegistrationStep[] = [];
  const known = new Set<string>();
  const isDue = (service: APIService) =>
    managementOf(service) === continuously || (managementOf(service) === onStart && starting);
  for (const object of existing) {
    const name = object.metadata.name ?? "";
    known.add(name);
    if (!isDue(object)) continue;
    const right = wanted.get(name);
    if (right === undefined) steps.push({ action: "delete", object });
    else if (!semanticEqual(object.spec, right.spec))
      steps.push({ action: "update", object: { ...object, spec: right.spec } });
  }
  for (const [name, object] of wanted)
    if (!known.has(name) && isDue(object)) steps.push({ action: "create", object });
  return steps;
}

function managementOf({ metadata }: APIService): string | undefined {
  return metadata.labels?.[managedLabel];
}
