import type { AdmissionAttributes } from "../../stages.ts";

/** What the audit log is told of webhooks, under upstream's keys. */

interface Position {
  readonly mutating: boolean;
  /** 1: called again because the object changed since. */
  readonly round: number;
  readonly index: number;
}

export function failedOpenKey({ mutating, round, index }: Position): string {
  return `failed-open.${mutating ? "mutation" : "validating"}.webhook.admission.k8s.io/round_${round}_index_${index}`;
}

export interface Mutation {
  readonly round: number;
  readonly index: number;
  readonly configuration: string;
  readonly webhook: string;
  readonly mutated: boolean;
  /** A JSON patch; undefined: none was applied. */
  readonly patch?: unknown;
}

/** That a mutating webhook was called; and from level Request on, what it changed. */
export function annotateMutation({ annotate }: AdmissionAttributes, mutation: Mutation): void {
  const { round, index, configuration, webhook, mutated, patch } = mutation;
  const place = `webhook.admission.k8s.io/round_${round}_index_${index}`;
  annotate?.(`mutation.${place}`, JSON.stringify({ configuration, webhook, mutated }));
  if (patch === undefined) return;
  const value = JSON.stringify({ configuration, webhook, patch, patchType: "JSONPatch" });
  annotate?.(`patch.${place}`, value, "Request");
}
