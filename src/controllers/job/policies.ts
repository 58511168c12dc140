import type {
  Job,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
} from "../../api/batch/types.generated.ts";
import type { ContainerStatus, Pod } from "../../api/core/types.generated.ts";
import { parseIndexes } from "./indexes.ts";

/** What a job's podFailurePolicy says about one failed pod. */
export interface FailureVerdict {
  /** Of the rule that matched; absent: none did. */
  readonly action?: string;
  /** The failure counts towards the back-off limit. */
  readonly counts: boolean;
  /** The whole job fails, with this message. */
  readonly failsJob?: string;
  /** The pod's index fails and is not tried again. */
  readonly failsIndex?: boolean;
}

const counted: FailureVerdict = { counts: true };

/** The first rule that matches decides; without one the failure counts. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const subject = matchRule(rule, pod);
    if (subject === undefined) continue;
    switch (rule.action) {
      case "Ignore":
        return { action: rule.action, counts: false };
      case "FailIndex":
        if (job.spec.backoffLimitPerIndex === undefined) continue;
        return { action: rule.action, counts: true, failsIndex: true };
      case "FailJob":
        return {
          action: rule.action,
          counts: true,
          failsJob: `${subject} matching ${rule.action} rule at index ${index}`,
        };
      default:
        return { action: rule.action, counts: true };
    }
  }
  return counted;
}

/** Says what about the pod matched, in the words of the job's failure message. */
function matchRule({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { namespace, name } = pod.metadata;
  if (onExitCodes !== undefined) {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const container = [...containerStatuses, ...initContainerStatuses].find((status) =>
      matchesExitCode(status, onExitCodes),
    );
    if (container === undefined) return undefined;
    const exitCode = container.state?.terminated?.exitCode;
    return `Container ${container.name} for pod ${namespace}/${name} failed with exit code ${exitCode}`;
  }
  const condition = (pod.status?.conditions ?? []).find(({ type, status }) =>
    onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? "True") === status),
  );
  return condition && `Pod ${namespace}/${name} has condition ${condition.type}`;
}

function matchesExitCode(
  { name, state }: ContainerStatus,
  { containerName, operator, values }: PodFailurePolicyOnExitCodesRequirement,
): boolean {
  const exitCode = state?.terminated?.exitCode;
  if (exitCode === undefined || exitCode === 0) return false;
  if (containerName !== undefined && containerName !== name) return false;
  return operator === "In" ? values.includes(exitCode) : operator === "NotIn" && !values.includes(exitCode);
}

/** The message of the first rule of a successPolicy that these succeeded indexes meet. */
export function matchSuccessPolicy(job: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined;
  const { completions = 0, successPolicy } = job.spec;
  const index = (successPolicy?.rules ?? []).findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined)
      return succeededCount !== undefined && succeeded.size >= succeededCount;
    const required = parseIndexes(succeededIndexes, completions);
    const met = [...required].filter((each) => succeeded.has(each)).length;
    return (
      required.size > 0 && (met === required.size || (succeededCount !== undefined && met >= succeededCount))
    );
  });
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}
