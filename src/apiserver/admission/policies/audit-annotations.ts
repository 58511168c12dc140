import type { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/types.generated.ts";
import type { AdmissionAttributes } from "../../stages.ts";

/** What the audit log is told of validating policies, under upstream's keys. */

export interface ValidationFailure {
  readonly message: string;
  readonly policy: string;
  readonly binding: string;
  readonly expressionIndex: number;
  readonly validationActions: readonly string[];
}

/** The first failure alone is told: a key has one value. */
export function annotateFailure({ annotate }: AdmissionAttributes, failure: ValidationFailure): void {
  annotate?.("validation.policy.admission.k8s.io/validation_failure", JSON.stringify([failure]));
}

const maxValueLength = 10 * 1024;

/** The values that policies' auditAnnotations have, over all their bindings. */
export class CollectedAnnotations {
  readonly #values = new Map<string, Set<string>>();

  add({ metadata }: ValidatingAdmissionPolicy, key: string, value: string): void {
    const name = `${metadata.name}/${key}`;
    const values = this.#values.get(name) ?? new Set<string>();
    values.add(value.slice(0, maxValueLength));
    this.#values.set(name, values);
  }

  publish({ annotate }: AdmissionAttributes): void {
    for (const [name, values] of this.#values) annotate?.(name, [...values].join(", "));
  }
}
