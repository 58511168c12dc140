import type { CustomResourceDefinitionVersion } from "../../api/apiextensions/types.generated.ts";
import type { Strategy } from "../../api/definition.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import { type AnyObject, apiVersionOf } from "../../apimachinery/meta.ts";
import { qualifiedName } from "../../apimachinery/names.ts";
import { fillIn } from "../../apimachinery/structural-schema/apply-defaults.ts";
import { type JsonSchema, propertyOf } from "../../apimachinery/structural-schema/json-schema.ts";
import { validateListTypes } from "../../apimachinery/structural-schema/list-types.ts";
import { pruneObject } from "../../apimachinery/structural-schema/prune.ts";
import { validateValue } from "../../apimachinery/structural-schema/validate.ts";
import * as field from "../../apimachinery/validation.ts";
import { semanticEqual } from "../../apimachinery/validation.ts";
import { withMetadata } from "../registry/metadata.ts";
import { withField } from "../registry/update-rules.ts";
import { validateEmbedded } from "./embedded.ts";
import type { RuleChecker } from "./rules.ts";
import { validateScale } from "./scale.ts";

export interface StrategyOptions {
  readonly group: string;
  /** What is asked for, and by whose schema objects are checked. */
  readonly version: CustomResourceDefinitionVersion;
  readonly schema: JsonSchema | undefined;
  /** The schema of the version that the registry keeps objects in: they are completed by it. */
  readonly keptSchema: JsonSchema | undefined;
  /** Evaluates the schema's CEL rules; absent: it has none. */
  readonly rules?: RuleChecker;
}

/** What a custom kind does with its objects, as one of its versions has it. */
export function customStrategy(options: StrategyOptions): Strategy<AnyObject> {
  const { version, schema, keptSchema } = options;
  const scale = version.subresources?.scale;
  const hasStatus = version.subresources?.status !== undefined;
  const apiVersion = apiVersionOf({ group: options.group, version: version.name });
  const asked = (object: AnyObject): AnyObject =>
    object.apiVersion !== apiVersion ? { ...object, apiVersion } : object;

  const { withRules, toleratedIn } = ruleJudgement(options);

  const validate = (object: AnyObject, old?: AnyObject): readonly FieldError[] => {
    const errors: FieldError[] = [];
    if (schema !== undefined) {
      errors.push(...validateValue(object, schema, old === undefined ? {} : { old }));
      if (scale !== undefined) errors.push(...validateScale(object, scale));
      errors.push(...validateEmbedded(object, schema));
      if (old === undefined || validateListTypes(old, schema).length === 0)
        errors.push(...validateListTypes(object, schema));
    } else if (scale !== undefined) errors.push(...validateScale(object, scale));
    return withRules(errors, object, old);
  };

  const validateStatus = (object: AnyObject, old: AnyObject): readonly FieldError[] => {
    const errors: FieldError[] = [];
    const statusSchema = propertyOf(schema, "status");
    if (statusSchema !== undefined && object.status !== undefined)
      errors.push(...validateValue(object.status, statusSchema, { root: "status", old: old.status }));
    if (scale !== undefined) errors.push(...validateScale(object, scale, ["status"]));
    if (schema !== undefined) {
      errors.push(...validateEmbedded(object, schema));
      if (validateListTypes(old, schema).length === 0) errors.push(...validateListTypes(object, schema));
    }
    return withRules(errors, object, old);
  };

  return {
    unconditionalUpdate: false,
    // The strategy counts generations itself: everything but metadata, and status where that has its own endpoint.
    generationFields: [],
    defaults: (object) => fillIn(pruneObject(object, keptSchema).value, keptSchema) as AnyObject, // metadata stays
    prepareForCreate: (object) =>
      withMetadata(hasStatus ? withField(object, "status", undefined) : object, { generation: 1 }),
    prepareForUpdate(object, old) {
      const generation = old.metadata.generation ?? 0;
      const changed = !semanticEqual(counted(object, hasStatus), counted(old, hasStatus));
      return changed ? withMetadata(object, { generation: generation + 1 }) : object;
    },
    prepareForStatusUpdate: (object, old) => ({
      ...object,
      metadata: withMetadata(old, {
        managedFields: object.metadata.managedFields,
        resourceVersion: object.metadata.resourceVersion,
      }).metadata,
    }),
    validate: (object) => validate(asked(object)),
    validateUpdate: (object, old) => validate(asked(object), asked(old)),
    validateStatusUpdate: (object, old) => validateStatus(asked(object), asked(old)),
    warnings: (object, old) => [...toleratedIn(object), ...finalizerWarnings(object, old)],
  };
}

/** Rules are judged where nothing else stands in the way. */
function ruleJudgement({ rules, schema }: StrategyOptions) {
  /** What rules refuse in objects that may keep it, by their metadata: their writers are warned. */
  const tolerated = new WeakMap<AnyObject["metadata"], readonly string[]>();
  return {
    withRules(
      errors: readonly FieldError[],
      object: AnyObject,
      old: AnyObject | undefined,
    ): readonly FieldError[] {
      if (rules === undefined || schema === undefined) return errors;
      if (errors.some(({ type }) => blocking.has(type))) return [...errors, notChecked];
      const ratcheted: string[] = [];
      const found = rules.check(object, old, ({ field: at, message }) => ratcheted.push(`${at}: ${message}`));
      if (ratcheted.length > 0) tolerated.set(object.metadata, ratcheted);
      return [...errors, ...found];
    },
    toleratedIn: ({ metadata }: AnyObject): readonly string[] => tolerated.get(metadata) ?? [],
  };
}

const blocking: ReadonlySet<string> = new Set([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
]);

const notChecked = field.invalid(
  "<nil>",
  null,
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
);

function counted(object: AnyObject, hasStatus: boolean): object {
  const { metadata: _metadata, apiVersion: _version, ...rest } = object;
  return hasStatus ? { ...rest, status: undefined } : rest;
}

const standardFinalizers = new Set(["orphan", "foregroundDeletion", "kubernetes"]);

/** Finalizers of custom objects should not collide with those of others. */
function finalizerWarnings(object: AnyObject, old?: AnyObject): readonly string[] {
  const before = old?.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((name) => !before.includes(name)).toSorted();
  return added.flatMap((name) => {
    const at = `metadata.finalizers: ${JSON.stringify(name)}`;
    const wrong = qualifiedName(name).map((reason) => `${at}: ${reason}`);
    if (name.includes("/") || standardFinalizers.has(name)) return wrong;
    const including = name.includes(".") ? " including a path (/)" : "";
    return [
      ...wrong,
      `${at}: prefer a domain-qualified finalizer name${including} to avoid accidental conflicts with other finalizer writers`,
    ];
  });
}
