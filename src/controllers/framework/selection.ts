import type { LabelSelector } from "../../api/meta/types.generated.ts";
import { matchesLabels, requirementsOf } from "../../apimachinery/label-selector.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";

/** Whether an object is among the selected. */
export type Selection = (object: KubeObject) => boolean;

/**
 * A selector made ready to be asked many times. An absent selector selects nothing; so does one the API server would not
 * have let in, and an empty one too where `emptySelectsNothing` (controllers of pods: everything cannot be theirs).
 */
export function selectionOf(
  selector: LabelSelector | undefined,
  { emptySelectsNothing = false }: { readonly emptySelectsNothing?: boolean } = {},
): Selection {
  const requirements = requirementsOf(selector);
  if (requirements === undefined || (emptySelectsNothing && requirements.length === 0)) return () => false;
  return ({ metadata }) => matchesLabels(requirements, metadata.labels);
}
