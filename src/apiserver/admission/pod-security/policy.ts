import type { PodSpec } from "../../../api/core/types.generated.ts";
import type { FieldError } from "../../../apimachinery/api-error.ts";
import type { ObjectMeta } from "../../../apimachinery/meta.ts";
import { baselineChecks } from "./baseline-checks.ts";
import type { Check, Violation } from "./check.ts";
import { restrictedChecks } from "./restricted-checks.ts";

/** Pod Security Standards: a namespace's labels say which level its pods must, should or are noted to meet. */

export type Level = "privileged" | "baseline" | "restricted";

export interface LevelVersion {
  readonly level: Level;
  /** v1.<minor>; undefined: the latest. */
  readonly minor?: number;
}

export interface SecurityPolicy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

/** From what allows most to what allows least. */
export const strictness: readonly Level[] = ["privileged", "baseline", "restricted"];

export function compareLevels(a: Level, b: Level): number {
  return strictness.indexOf(a) - strictness.indexOf(b);
}

/** "baseline:latest" */
export function describeLevel({ level, minor }: LevelVersion): string {
  return `${level}:${minor === undefined ? "latest" : `v1.${minor}`}`;
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

/** What counts where a namespace says nothing. */
export const privileged: SecurityPolicy = {
  enforce: { level: "privileged" },
  audit: { level: "privileged" },
  warn: { level: "privileged" },
};

/** The policy of a namespace; labels that say nothing valid are errors, and count as the safe side of each mode. */
export function policyOf(
  labels: Readonly<Record<string, string>> | undefined,
  defaults: SecurityPolicy = privileged,
): {
  readonly policy: SecurityPolicy;
  readonly errors: readonly FieldError[];
} {
  const errors: FieldError[] = [];
  const read = (
    mode: keyof SecurityPolicy,
    onError: Level,
  ): { set: boolean; versionSet: boolean; value: LevelVersion } => {
    const levelLabel = `pod-security.kubernetes.io/${mode}`;
    const level = labels?.[levelLabel];
    const valid = strictness.find((known) => known === level);
    if (level !== undefined && valid === undefined)
      errors.push(labelError(levelLabel, level, `must be one of ${strictness.join(", ")}`));
    const version = labels?.[`${levelLabel}-version`];
    const minor = version === undefined ? undefined : parseMinor(version);
    if (minor === "invalid")
      errors.push(labelError(`${levelLabel}-version`, version ?? "", 'must be "latest" or "v1.x"'));
    return {
      set: level !== undefined && (mode === "warn" || valid !== undefined),
      versionSet: version !== undefined,
      value: {
        level: valid ?? (level === undefined ? defaults[mode].level : onError),
        ...versionOf(version === undefined ? defaults[mode].minor : minor),
      },
    };
  };
  const enforce = read("enforce", "restricted");
  const audit = read("audit", "privileged");
  const warn = read("warn", "privileged");
  // What is enforced is warned about for controllers too, unless the namespace says otherwise.
  const followEnforce = !warn.set && enforce.set && compareLevels(enforce.value.level, warn.value.level) > 0;
  const warned = followEnforce
    ? { ...(warn.versionSet ? warn.value : enforce.value), level: enforce.value.level }
    : warn.value;
  return { policy: { enforce: enforce.value, audit: audit.value, warn: warned }, errors };
}

const versionOf = (minor: number | string | undefined) => (typeof minor === "number" ? { minor } : {});

function labelError(label: string, value: string, text: string): FieldError {
  return {
    type: "FieldValueInvalid",
    field: `metadata.labels[${label}]`,
    message: `Invalid value: ${JSON.stringify(value)}: ${text}`,
  };
}

/** "latest" is undefined. */
export function parseMinor(version: string): number | "invalid" | undefined {
  if (version === "latest") return undefined;
  const match = /^v1\.(0|[1-9][0-9]*)$/.exec(version);
  return match?.[1] === undefined ? "invalid" : Number(match[1]);
}

export function isFullyPrivileged({ enforce, audit, warn }: SecurityPolicy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === "privileged");
}

/** What of a pod a level does not allow; empty: the pod meets it. */
export function evaluatePod(
  { level, minor = Number.POSITIVE_INFINITY }: LevelVersion,
  metadata: ObjectMeta,
  spec: PodSpec,
): readonly Violation[] {
  if (level === "privileged") return [];
  return checksOf(level, minor).flatMap((check) => check(metadata, spec) ?? []);
}

type CheckFunction = Check["versions"][number]["check"];

function checksOf(level: Exclude<Level, "privileged">, minor: number): CheckFunction[] {
  const versionOf = ({ versions }: Check) => versions.findLast(({ sinceMinor }) => sinceMinor <= minor);
  const restricted =
    level === "restricted" ? restrictedChecks.filter((check) => versionOf(check) !== undefined) : [];
  const overridden = new Set(restricted.flatMap((check) => check.overrides ?? []));
  const byId = (a: Check, b: Check) => (a.id < b.id ? -1 : 1);
  return [
    ...baselineChecks.filter(({ id }) => !overridden.has(id)).toSorted(byId),
    ...restricted.toSorted(byId),
  ].flatMap((check) => versionOf(check)?.check ?? []);
}

/** `privileged (container "c" must not …), hostPort (…)` */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .map(({ reason, detail }) => (detail === "" ? reason : `${reason} (${detail})`))
    .join(", ");
}
