/** Definitions of custom kinds: their names, versions, columns and subresources. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1035Label, dns1123Subdomain } from "../../apimachinery/names.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import * as field from "../../apimachinery/validation.ts";
import { webhookServiceErrors, webhookUrlErrors } from "../admissionregistration/webhook-validation.ts";
import { approvalErrors } from "./api-approval.ts";
import { caBundleErrors } from "./ca-bundle-validation.ts";
import { hoisted, isShared } from "./hoisted-fields.ts";
import { internalVersions } from "./internal-form.ts";
import { hasMergedItems, listKeyErrors } from "./list-type-validation.ts";
import { hasUnknownType, strict, type Tolerance } from "./open-api-validation.ts";
import { hasSchema } from "./schema-parts.ts";
import { maxSelectableFields, selectableFieldErrors } from "./selectable-fields-validation.ts";
import { structuralErrors } from "./structural-validation.ts";
import type {
  CustomResourceColumnDefinition,
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

/** All reasons in one error, as upstream joins them here. */
function joined(path: string, value: string, reasons: readonly string[], prefix = ""): Errors {
  return reasons.length === 0 ? [] : [field.invalid(path, value, prefix + reasons.join(","))];
}

export function validateCustomResourceDefinition(object: CustomResourceDefinition): Errors {
  const { metadata, spec, status } = object;
  const required = `${spec.names?.plural ?? ""}.${spec.group ?? ""}`;
  const { name = "", generateName = "" } = metadata;
  const names = Object.entries({ generateName, name }).filter(
    ([, value]) => value !== "" && value !== required,
  );
  return [
    ...names.map(([at, value]) =>
      field.invalid(`metadata.${at}`, value, 'must be spec.names.plural+"."+spec.group'),
    ),
    ...validateSpec(spec),
    ...acceptedNameErrors(object),
    ...storedVersionErrors(spec, status?.storedVersions ?? []),
    ...approvalErrors(object),
  ];
}

function storedVersionErrors(
  { versions = [] }: CustomResourceDefinitionSpec,
  stored: readonly string[],
): Errors {
  const path = "status.storedVersions";
  if (stored.length === 0) return [field.invalid(path, null, "must have at least one stored version")];
  const names = versions.map(({ name }) => name);
  return [
    ...versions
      .filter(({ name, storage }) => storage && !stored.includes(name))
      .map(({ name }) => field.invalid(path, stored, `must have the storage version ${name}`)),
    ...field.each(path, stored, (name, at) =>
      names.includes(name)
        ? []
        : [
            field.invalid(
              at,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    ),
  ];
}

/** What the old definition lets the new one keep. */
interface Leniency {
  readonly tolerance: Tolerance;
  /** Whether certificates of its webhook are not looked at: nothing trusts them yet, or they were wrong before. */
  readonly anyBundle: boolean;
  /** Whether no version of the webhook's review need be known here. */
  readonly anyReview: boolean;
  /** Names of versions that had too many selectable fields already, the same ones. */
  readonly crowded: ReadonlySet<string>;
}

const none: Leniency = { tolerance: strict, anyBundle: true, anyReview: false, crowded: new Set() };

function leniencyOf({ spec }: CustomResourceDefinition, old: CustomResourceDefinition): Leniency {
  const { clientConfig, conversionReviewVersions = [] } = old.spec.conversion?.webhook ?? {};
  const { caBundle = "" } = clientConfig ?? {};
  const fieldsOf = (name: string) =>
    old.spec.versions.find((version) => version.name === name)?.selectableFields;
  const crowded = (spec.versions ?? []).filter(
    ({ name, selectableFields }) =>
      (fieldsOf(name)?.length ?? 0) > maxSelectableFields && jsonEqual(selectableFields, fieldsOf(name)),
  );
  return {
    tolerance: {
      anyType: hasSchema(old.spec, hasUnknownType),
      anySet: hasSchema(old.spec, hasMergedItems),
      anyKey: hasSchema(old.spec, (schema) => listKeyErrors("", schema).length > 0),
    },
    anyBundle: !isEstablished(old) || (caBundle !== "" && caBundleErrors("", caBundle).length > 0),
    anyReview:
      conversionReviewVersions.length > 0 && !conversionReviewVersions.some((version) => isReview(version)),
    crowded: new Set(crowded.map(({ name }) => name)),
  };
}

const isEstablished = ({ status }: CustomResourceDefinition): boolean =>
  status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true;

const isReview = (version: string) => version === "v1" || version === "v1beta1";

function validateSpec(spec: CustomResourceDefinitionSpec, leniency = none): Errors {
  const { group = "", scope, versions = [], names, conversion, preserveUnknownFields } = spec;
  const errors: FieldError[] = [];
  if (group === "") errors.push(field.required("spec.group"));
  else if (dns1123Subdomain(group).length > 0)
    errors.push(...joined("spec.group", group, dns1123Subdomain(group)));
  else if (!group.includes("."))
    errors.push(field.invalid("spec.group", group, "should be a domain with at least one dot"));
  errors.push(...field.oneOf("spec.scope", scope, ["Cluster", "Namespaced"], { required: true }));
  if (preserveUnknownFields === true)
    errors.push(
      field.invalid(
        "spec.preserveUnknownFields",
        true,
        "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
      ),
    );
  const ofVersions = hoisted(
    field.each("spec.versions", versions, (version, at) => validateVersion(at, version, spec, leniency)),
    spec,
  );
  errors.push(
    ...field.each("spec.versions", versions, ({ schema }, at) =>
      schema?.openAPIV3Schema === undefined
        ? [field.required(field.child(at, "schema", "openAPIV3Schema"))]
        : [],
    ),
    ...ofVersions.filter(isOfVersion),
  );
  if (new Set(versions.map(({ name }) => name)).size !== versions.length)
    errors.push(field.invalid("spec.versions", internalVersions(spec), "must contain unique version names"));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(
      field.invalid(
        "spec.versions",
        internalVersions(spec),
        "must have exactly one version marked as storage version",
      ),
    );
  const [first] = versions;
  if (first?.name) errors.push(...joined("spec.version", first.name, dns1035Label(first.name)));
  for (const name of ["plural", "singular", "kind", "listKind"] as const)
    if (!names?.[name]) errors.push(field.required(field.child("spec.names", name)));
  errors.push(...validateNames("spec.names", names), ...ofVersions.filter((error) => !isOfVersion(error)));
  return [...errors, ...validateConversion("spec.conversion", conversion, leniency)];
}

const isOfVersion = ({ field: at }: FieldError) => at?.startsWith("spec.versions[") === true;

function validateVersion(
  path: string,
  version: CustomResourceDefinitionVersion,
  spec: CustomResourceDefinitionSpec,
  { tolerance, crowded }: Leniency,
): Errors {
  const {
    name,
    schema,
    deprecated,
    deprecationWarning: warning,
    subresources,
    additionalPrinterColumns,
  } = version;
  const errors: FieldError[] = [...joined(field.child(path, "name"), name, dns1035Label(name))];
  if (warning !== undefined)
    errors.push(
      ...warningFaults(warning, deprecated === true).map((fault) =>
        field.invalid(field.child(path, "deprecationWarning"), warning, fault),
      ),
    );
  if (schema?.openAPIV3Schema !== undefined)
    errors.push(
      ...structuralErrors(field.child(path, "schema", "openAPIV3Schema"), schema.openAPIV3Schema, {
        hasStatus: subresources?.status !== undefined,
        tolerance,
      }),
    );
  errors.push(
    ...validateSubresources(field.child(path, "subresources"), subresources),
    ...field.each(field.child(path, "additionalPrinterColumns"), additionalPrinterColumns, validateColumn),
    ...selectableFieldErrors(
      field.child(path, "selectableFields"),
      version.selectableFields,
      // Upstream looks for fields that all versions share in a schema that all share.
      isShared(spec, "selectableFields") && !isShared(spec, "schema") ? undefined : schema?.openAPIV3Schema,
      crowded.has(name),
    ),
  );
  return errors;
}

/** Warnings stand in a header. */
function warningFaults(warning: string, isDeprecated: boolean): readonly string[] {
  if (!isDeprecated) return ["can only be set for deprecated versions"];
  const bytes = new TextEncoder();
  const faults: string[] = [];
  if (bytes.encode(warning).length > 256) faults.push("must be <= 256 characters long");
  if (warning === "") faults.push("must not be an empty string");
  const unprintable = warning.search(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u);
  if (unprintable >= 0)
    faults.push(
      `must only contain printable UTF-8 characters; non-printable character found at index ${bytes.encode(warning.slice(0, unprintable)).length}`,
    );
  return faults;
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

function validateColumn(column: CustomResourceColumnDefinition, path: string): Errors {
  const { name, type, format, jsonPath } = column;
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(field.child(path, "name")));
  const typeDetail = `must be one of ${columnTypes.join(",")}`;
  if (!type) errors.push(field.required(field.child(path, "type"), typeDetail));
  else if (!columnTypes.includes(type))
    errors.push(field.invalid(field.child(path, "type"), type, typeDetail));
  if (format && !columnFormats.includes(format))
    errors.push(
      field.invalid(field.child(path, "format"), format, `must be one of ${columnFormats.join(",")}`),
    );
  // Upstream's spelling of the path.
  const at = field.child(path, "JSONPath");
  if (!jsonPath) errors.push(field.required(at));
  else errors.push(...simplePathErrors(at, jsonPath));
  return errors;
}

function simplePathErrors(path: string, value: string): Errors {
  return value.startsWith(".")
    ? []
    : [field.invalid(path, value, "must be a simple json path starting with .")];
}

function validateSubresources(path: string, subresources: CustomResourceSubresources | undefined): Errors {
  const { scale } = subresources ?? {};
  if (scale === undefined) return [];
  const under = (name: "specReplicasPath" | "statusReplicasPath", root: string): Errors => {
    const at = field.child(path, "scale", name);
    const value = scale[name];
    if (!value) return [field.required(at)];
    const errors = simplePathErrors(at, value);
    if (errors.length > 0 || value.startsWith(`.${root}.`)) return errors;
    return [field.invalid(at, value, `should be a json path under .${root}`)];
  };
  const selector = scale.labelSelectorPath;
  const at = field.child(path, "scale", "labelSelectorPath");
  const selectorErrors =
    !selector || selector.startsWith(".spec.") || selector.startsWith(".status.")
      ? []
      : [field.invalid(at, selector, "should be a json path under either .spec or .status")];
  return [...under("specReplicasPath", "spec"), ...under("statusReplicasPath", "status"), ...selectorErrors];
}

const acceptedNameErrors = ({ status }: CustomResourceDefinition): Errors =>
  validateNames("status.acceptedNames", status?.acceptedNames);

function validateNames(path: string, names: CustomResourceDefinitionNames | undefined): Errors {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames, categories } = names ?? {};
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries({ plural, singular }))
    if (value !== "") errors.push(...joined(field.child(path, name), value, dns1035Label(value)));
  const mixed = "may have mixed case, but should otherwise match: ";
  for (const [name, value] of Object.entries({ kind, listKind }))
    if (value !== "")
      errors.push(...joined(field.child(path, name), value, dns1035Label(value.toLowerCase()), mixed));
  for (const [name, list] of Object.entries({ shortNames, categories }))
    errors.push(
      ...field.each(field.child(path, name), list, (value, at) => joined(at, value, dns1035Label(value))),
    );
  if (kind !== "" && kind === listKind)
    errors.push(
      field.invalid(field.child(path, "listKind"), listKind, "kind and listKind may not be the same"),
    );
  return errors;
}

function validateConversion(
  path: string,
  conversion: CustomResourceConversion | undefined,
  { anyBundle, anyReview }: Leniency,
): Errors {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  const errors: FieldError[] = [
    ...field.oneOf(field.child(path, "strategy"), strategy, ["None", "Webhook"], { required: true }),
  ];
  const at = field.child(path, "webhookClientConfig");
  if (strategy !== "Webhook") {
    const text = "should not be set when strategy is not set to Webhook";
    if (webhook?.clientConfig !== undefined) errors.push(field.forbidden(at, text));
    if ((webhook?.conversionReviewVersions ?? []).length > 0)
      errors.push(field.forbidden(field.child(path, "conversionReviewVersions"), text));
    return errors;
  }
  const { url, service } = webhook?.clientConfig ?? {};
  if (webhook?.clientConfig === undefined)
    errors.push(field.required(at, "required when strategy is set to Webhook"));
  else if ((url === undefined) === (service === undefined))
    errors.push(field.required(at, "exactly one of url or service is required"));
  else if (url !== undefined) errors.push(...webhookUrlErrors(field.child(at, "url"), url));
  else errors.push(...webhookServiceErrors(field.child(at, "service"), service ?? {}));
  const { caBundle = "" } = webhook?.clientConfig ?? {};
  if (!anyBundle && caBundle !== "") errors.push(...caBundleErrors(field.child(at, "caBundle"), caBundle));
  return [
    ...errors,
    ...reviewVersionErrors(
      field.child(path, "conversionReviewVersions"),
      webhook?.conversionReviewVersions ?? [],
      anyReview,
    ),
  ];
}

function reviewVersionErrors(path: string, versions: readonly string[], anyReview: boolean): Errors {
  if (versions.length === 0) return [field.required(path)];
  const errors = field.each(path, versions, (version, at, index) => {
    if (versions.indexOf(version) < index) return [field.invalid(at, version, "duplicate version")];
    return dns1035Label(version).map((reason) => field.invalid(at, version, reason));
  });
  return anyReview || versions.some(isReview)
    ? errors
    : [...errors, field.invalid(path, versions, "must include at least one of v1, v1beta1")];
}

/** What objects and clients depend on stays once the kind is established. */
export function validateCustomResourceDefinitionUpdate(
  object: CustomResourceDefinition,
  old: CustomResourceDefinition,
): Errors {
  const { spec } = object;
  return [
    ...validateSpec(spec, leniencyOf(object, old)),
    ...(isEstablished(old)
      ? [
          ...field.immutable("spec.scope", spec.scope, old.spec.scope),
          ...field.immutable("spec.names.kind", spec.names.kind, old.spec.names.kind),
        ]
      : []),
    ...field.immutable("spec.group", spec.group, old.spec.group),
    ...field.immutable("spec.names.plural", spec.names.plural, old.spec.names.plural),
    ...acceptedNameErrors(object),
    ...storedVersionErrors(spec, object.status?.storedVersions ?? []),
    ...approvalErrors(object, old),
  ];
}
