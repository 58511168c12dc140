import type { APIServiceCondition } from "../../api/apiregistration/types.generated.ts";
import type { Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import type { ExtensionRoute } from "./routes.ts";

/** What a check found, without its time. */
export type Finding = Pick<APIServiceCondition, "status"> & {
  readonly reason: string;
  readonly message: string;
};

export const passed: Finding = { status: "True", reason: "Passed", message: "all checks passed" };

/** What the service itself says against asking it; undefined: it may be asked. */
export function serviceProblem(
  { service: reference }: Pick<ExtensionRoute, "service">,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Finding | undefined {
  const { namespace, name, port } = reference;
  const no = (reason: string, message: string): Finding => ({ status: "False", reason, message });
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  if (service === undefined) return no("ServiceNotFound", `${where} is not present`);
  const { type = "ClusterIP", ports = [] } = service.spec ?? {};
  if (type !== "ClusterIP") return undefined;
  const listening = ports.find((candidate) => candidate.port === port);
  if (listening === undefined) return no("ServicePortError", `${where} is not listening on port ${port}`);
  if (slices.length === 0) return no("EndpointsNotFound", `cannot find endpointslices for ${where}`);
  const portName = listening.name ?? "";
  if (!slices.some((slice) => isAnswering(slice, portName)))
    return no(
      "MissingEndpoints",
      `endpointslices for ${where} have no addresses with port name ${JSON.stringify(portName)}`,
    );
  return undefined;
}

function isAnswering({ endpoints = [], ports = [] }: EndpointSlice, portName: string): boolean {
  return (
    (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false) &&
    (ports ?? []).some(({ name = "", port }) => name === portName && port !== undefined)
  );
}

export function failedCheck(message: string): Finding {
  return { status: "False", reason: "FailedDiscoveryCheck", message };
}

/** The conditions with what was found; the same ones where that is known. The time is that of the last change of status. */
export function withAvailability(
  conditions: readonly APIServiceCondition[],
  finding: Finding,
  now: string,
): readonly APIServiceCondition[] {
  const before = conditions.find(({ type }) => type === "Available");
  if (
    before !== undefined &&
    before.status === finding.status &&
    before.reason === finding.reason &&
    before.message === finding.message
  )
    return conditions;
  const time = before?.status === finding.status ? (before.lastTransitionTime ?? now) : now;
  const condition = { lastTransitionTime: time, ...finding, type: "Available" };
  return before === undefined
    ? [...conditions, condition]
    : conditions.map((each) => (each === before ? condition : each));
}
