import type { Container, Pod } from "../api/core/types.generated.ts";

/** Whether a container that exited with this code is to run again (pod policy, KEP-753 sidecars, KEP-5307 rules). */
export function shouldRestartAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? { operator: "" };
    const listed = values.includes(exitCode);
    if (rule.action === "Restart" && ((operator === "In" && listed) || (operator === "NotIn" && !listed)))
      return true;
  }
  switch (container.restartPolicy ?? pod.spec.restartPolicy ?? "Always") {
    case "Never":
      return false;
    case "OnFailure":
      return exitCode !== 0;
    default:
      return true;
  }
}
