import {
  autoUpdateAnnotation,
  mandatoryLevels,
  mandatorySchemas,
  suggestedLevels,
  suggestedSchemas,
} from "../../api/flowcontrol/bootstrap.ts";
import { flowSchemas, priorityLevelConfigurations } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, ObjectMeta, ResourceType } from "../../apimachinery/meta.ts";
import { semanticEqual } from "../../apimachinery/validation.ts";
import type { Client } from "../../client/client.ts";

/** Keeps the objects that every cluster has: the mandatory ones as they are, the suggested ones unless someone took them over. */

interface Configuration {
  readonly metadata: ObjectMeta;
  readonly spec: object;
}

export type ConfigurationStep<T> =
  | { readonly action: "create"; readonly object: T }
  | { readonly action: "update"; readonly object: T }
  | { readonly action: "delete"; readonly object: T };

/** What makes the objects right. Whoever sets the annotation to "false", or changes a spec without one, keeps the spec. */
export function planConfiguration<T extends Configuration>(
  { mandatory, suggested }: { readonly mandatory: readonly T[]; readonly suggested: readonly T[] },
  existing: readonly T[],
): readonly ConfigurationStep<T>[] {
  const byName = new Map(existing.map((object) => [object.metadata.name, object]));
  const steps: ConfigurationStep<T>[] = [];
  const ensure = (wanted: T, isMandatory: boolean) => {
    const current = byName.get(wanted.metadata.name);
    byName.delete(wanted.metadata.name);
    if (current === undefined) {
      steps.push({ action: "create", object: wanted });
      return;
    }
    const isOurs = isMandatory || isAutoUpdated(current);
    const spec = isOurs ? wantedSpec(wanted, current) : current.spec;
    const annotation = String(isOurs);
    const { annotations } = current.metadata;
    const isRight = parsed(annotations?.[autoUpdateAnnotation]) === isOurs;
    if (isRight && semanticEqual(spec, current.spec)) return;
    const metadata = isRight
      ? current.metadata
      : { ...current.metadata, annotations: { ...annotations, [autoUpdateAnnotation]: annotation } };
    steps.push({ action: "update", object: { ...current, metadata, spec } });
  };
  for (const wanted of suggested) ensure(wanted, false);
  for (const wanted of mandatory) ensure(wanted, true);
  // What an earlier release suggested, and nobody has made their own.
  for (const object of byName.values())
    if (parsed(object.metadata.annotations?.[autoUpdateAnnotation]) === true)
      steps.push({ action: "delete", object });
  return steps;
}

/** How many seats the exempt level has and lends may be set by an administrator, mandatory as the rest of it is. */
function wantedSpec(wanted: Configuration, current: Configuration): object {
  if (!("exempt" in wanted.spec) || isAutoUpdated(current)) return wanted.spec;
  return "exempt" in current.spec ? { ...wanted.spec, exempt: current.spec.exempt } : wanted.spec;
}

function isAutoUpdated({ metadata }: Configuration): boolean {
  return parsed(metadata.annotations?.[autoUpdateAnnotation]) ?? metadata.generation === 1;
}

/** As Go's strconv.ParseBool reads it. */
function parsed(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(value) ? false : undefined;
}

/** Makes them right once. Rejects with the first failure; what changed meanwhile is looked at the next time. */
export async function ensureConfiguration(client: Client, signal: AbortSignal): Promise<void> {
  await Promise.all([
    ensureKind(client, flowSchemas, { mandatory: mandatorySchemas, suggested: suggestedSchemas }, signal),
    ensureKind(
      client,
      priorityLevelConfigurations,
      { mandatory: mandatoryLevels, suggested: suggestedLevels },
      signal,
    ),
  ]);
}

const fieldManager = "api-priority-and-fairness-config-producer-v1";

async function ensureKind<T extends KubeObject & Configuration>(
  client: Client,
  type: ResourceType<T>,
  wanted: { readonly mandatory: readonly T[]; readonly suggested: readonly T[] },
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.list(type, { signal });
  const steps = planConfiguration(wanted, items);
  await Promise.all(
    steps.map(async ({ action, object }) => {
      try {
        if (action === "create") await client.create(type, object, { signal, fieldManager });
        else if (action === "update") await client.update(type, object, { signal, fieldManager });
        else await client.delete(type, { name: object.metadata.name ?? "" }, { signal });
      } catch (error) {
        // Another server was faster, or an administrator.
        if (
          !isApiError(error, "AlreadyExists") &&
          !isApiError(error, "Conflict") &&
          !isApiError(error, "NotFound")
        )
          throw error;
      }
    }),
  );
}
