import type { ResourceDefinition } from "../../api/definition.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { generationChanges, withMetadata } from "./metadata.ts";

/** What a write to an existing object may change: the object itself, its status, or what a subresource stands for. */
export interface UpdateRules {
  /** The object as it will be: what this write may not change is as it was. */
  prepare(object: AnyObject, old: AnyObject): AnyObject;
  validate(object: AnyObject, old: AnyObject): readonly FieldError[];
}

/** PUT and PATCH of the object: status stays, where the kind has a status endpoint. */
export function objectRules(definition: ResourceDefinition): UpdateRules {
  const { strategy } = definition;
  return {
    prepare(object, old) {
      let prepared = definition.hasStatus ? withField(object, "status", old.status) : object;
      if (strategy.prepareForUpdate !== undefined) prepared = strategy.prepareForUpdate(prepared, old);
      return withGeneration(definition, prepared, old);
    },
    validate: (object, old) => strategy.validateUpdate?.(object, old) ?? [],
  };
}

/** PUT and PATCH of `/status`: all but status and metadata stays. */
export function statusRules(definition: ResourceDefinition): UpdateRules {
  const { strategy } = definition;
  return {
    prepare(object, old) {
      const prepared = withField({ ...old, metadata: object.metadata }, "status", object.status);
      return strategy.prepareForStatusUpdate?.(prepared, old) ?? prepared;
    },
    validate: (object, old) => strategy.validateStatusUpdate?.(object, old) ?? [],
  };
}

/** The fields whose change counts as a new generation. */
function generationFieldsOf(definition: ResourceDefinition): readonly string[] {
  return definition.strategy.generationFields ?? ["spec"];
}

export function withGeneration(definition: ResourceDefinition, object: AnyObject, old: AnyObject): AnyObject {
  const generation = old.metadata.generation;
  if (!generationChanges(generationFieldsOf(definition), object, old)) return object;
  return withMetadata(object, { generation: (generation ?? 0) + 1 });
}

/** A copy with the field set, or without it where there is no value. */
export function withField(object: AnyObject, name: string, value: unknown): AnyObject {
  if (value !== undefined) return { ...object, [name]: value };
  if (object[name] === undefined) return object;
  const { [name]: _dropped, ...rest } = object;
  return rest as AnyObject; // only a field beside kind, apiVersion and metadata is ever named
}
