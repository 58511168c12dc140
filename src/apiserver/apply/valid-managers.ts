import { readManagers } from "../../apimachinery/managed-fields/managers.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { withMetadata } from "../registry/metadata.ts";

/** The object as admission leaves it; with the managers it had before where admission broke them. */
export function withValidManagers(
  admitted: AnyObject,
  before: AnyObject,
  warn: (text: string) => void,
): AnyObject {
  const { managedFields } = admitted.metadata;
  if (managedFields === undefined || managedFields === before.metadata.managedFields) return admitted;
  try {
    readManagers(managedFields, { trusted: false });
    return admitted;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${why}`,
    );
    return withMetadata(admitted, { managedFields: before.metadata.managedFields });
  }
}
