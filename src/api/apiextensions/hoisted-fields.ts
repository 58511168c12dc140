/**
 * Upstream judges definitions in a form where what all versions have alike stands once, at the spec: its errors name those
 * places, `spec.validation.openAPIV3Schema` for a schema.
 */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { jsonEqual } from "../../apimachinery/patch/json-value.ts";
import type { CustomResourceDefinitionSpec } from "./types.generated.ts";

/** A field of versions and the field of the spec that stands for it. */
const hoistable = {
  schema: "validation",
  subresources: "subresources",
  additionalPrinterColumns: "additionalPrinterColumns",
  selectableFields: "selectableFields",
} as const;

const versionField =
  /^spec\.versions\[(\d+)\]\.(schema|subresources|additionalPrinterColumns|selectableFields)/;

/** Whether all versions say the same of a field. */
export const isShared = (
  { versions = [] }: CustomResourceDefinitionSpec,
  name: keyof typeof hoistable,
): boolean => versions.every((version) => jsonEqual(version[name], versions[0]?.[name]));

/** Errors as upstream places them: what all versions share is said once, after what is said of each. */
export function hoisted(
  errors: readonly FieldError[],
  spec: CustomResourceDefinitionSpec,
): readonly FieldError[] {
  const shared = new Set(
    Object.keys(hoistable).filter((name) => isShared(spec, name as keyof typeof hoistable)),
  ); // its own keys
  const own: FieldError[] = [];
  const once: FieldError[] = [];
  for (const error of errors) {
    const [prefix = "", index, name = ""] = versionField.exec(error.field ?? "") ?? [];
    if (!shared.has(name)) own.push(error);
    else if (index === "0") {
      const place = `spec.${hoistable[name as keyof typeof hoistable]}`; // one of shared
      once.push({
        ...error,
        field: `${place}${error.field?.slice(prefix.length) ?? ""}`,
        message: error.message.replaceAll(`${prefix}.`, `${place}.`),
      });
    }
  }
  return [...own, ...once];
}
