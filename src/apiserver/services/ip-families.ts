import { validateClusterIpFields } from "../../api/core/service-validation.ts";
import type { Service } from "../../api/core/types.generated.ts";
import { type FieldError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import { familyOf, type IpFamily } from "./address-range.ts";
import { clusterIpsOf, type ServiceSpec, serviceSpecOf } from "./service-spec.ts";

const policyPath = "spec.ipFamilyPolicy";
const bothFamilies: readonly IpFamily[] = ["IPv4", "IPv6"];

/**
 * The spec with its families and its policy of them (KEP-563): said by the author, else by the addresses asked for, else
 * the cluster's first. `configured` are the families that the cluster has addresses of. Throws 422.
 */
export function withIpFamilies(
  service: AnyObject,
  old: AnyObject | undefined,
  configured: readonly IpFamily[],
): ServiceSpec {
  const given = serviceSpecOf(service);
  if (given.type === "ExternalName") return given;
  const before = old === undefined ? undefined : serviceSpecOf(old);
  // A cluster that becomes dual-stack changes no service by itself.
  if (before !== undefined && isSamePreference(given, before)) return given;
  const refuse = (errors: readonly FieldError[]) => {
    if (errors.length > 0) throw invalid({ group: "", kind: "Service" }, service.metadata.name ?? "", errors);
  };
  let spec: ServiceSpec = { ...given, ipFamilyPolicy: policyOf(given, before) };
  refuse(validateClusterIpFields({ ...spec } as Service["spec"]));
  const reduced = before === undefined ? [] : reductionErrors(spec, before);
  if (before !== undefined) spec = withoutSecond(spec, before);
  const inferred = inferFamilies(spec, configured);
  refuse([...reduced, ...singleStackErrors(spec), ...inferred.errors]);
  spec = { ...spec, ipFamilies: inferred.families };
  if (isHeadless(spec) && !hasSelector(spec)) return headlessFamilies(spec, configured);
  refuse(configurationErrors(spec, configured));
  return completeFamilies(spec, configured);
}

const isHeadless = ({ clusterIP }: ServiceSpec) => clusterIP === "None";
const hasSelector = ({ selector = {} }: ServiceSpec) => Object.keys(selector).length > 0;

function policyOf(spec: ServiceSpec, before: ServiceSpec | undefined): string {
  const known = spec.ipFamilyPolicy ?? before?.ipFamilyPolicy;
  if (known !== undefined) return known;
  // Whose endpoints are written by hand may be of any family.
  return isHeadless(spec) && !hasSelector(spec) ? "RequireDualStack" : "SingleStack";
}

function isSamePreference(spec: ServiceSpec, before: ServiceSpec): boolean {
  return (
    spec.ipFamilyPolicy === "PreferDualStack" &&
    before.ipFamilyPolicy === "PreferDualStack" &&
    spec.type === before.type &&
    field.semanticEqual(spec.clusterIPs, before.clusterIPs) &&
    field.semanticEqual(spec.ipFamilies, before.ipFamilies)
  );
}

/** Who wants one of two families less says so by the policy. */
function reductionErrors(spec: ServiceSpec, before: ServiceSpec): readonly FieldError[] {
  if (spec.ipFamilyPolicy === "SingleStack") return [];
  return (
    [
      ["clusterIPs", "cluster IP"],
      ["ipFamilies", "IP family"],
    ] as const
  ).flatMap(([name, what]) => {
    const [after = [], was = []] = [spec[name], before[name]];
    const isReduced = after.length > 0 && after.length < was.length && after[0] === was[0];
    const detail = `must be 'SingleStack' to release the secondary ${what}`;
    return isReduced ? [field.invalid(policyPath, spec.ipFamilyPolicy, detail)] : [];
  });
}

/** With the policy alone changed to one family, the second goes. */
function withoutSecond(spec: ServiceSpec, before: ServiceSpec): ServiceSpec {
  if (spec.ipFamilyPolicy !== "SingleStack") return spec;
  const { clusterIPs, ipFamilies } = spec;
  return {
    ...spec,
    ...(clusterIPs !== undefined && field.semanticEqual(clusterIPs, before.clusterIPs)
      ? { clusterIPs: clusterIPs.slice(0, 1) }
      : {}),
    ...(ipFamilies !== undefined && field.semanticEqual(ipFamilies, before.ipFamilies)
      ? { ipFamilies: ipFamilies.slice(0, 1) }
      : {}),
  };
}

function singleStackErrors({ ipFamilyPolicy, clusterIPs = [], ipFamilies = [] }: ServiceSpec) {
  if (ipFamilyPolicy !== "SingleStack") return [];
  const detail = (what: string) =>
    `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
  return [
    ...(clusterIPs.length === 2 ? [field.invalid(policyPath, ipFamilyPolicy, detail("cluster IPs"))] : []),
    ...(ipFamilies.length === 2 ? [field.invalid(policyPath, ipFamilyPolicy, detail("IP families"))] : []),
  ];
}

function inferFamilies(spec: ServiceSpec, configured: readonly IpFamily[]) {
  const families = [...(spec.ipFamilies ?? [])];
  const errors: FieldError[] = [];
  for (const [index, address] of clusterIpsOf(spec).entries()) {
    const family = familyOf(address);
    if (index < families.length || family === undefined) continue;
    if (configured.includes(family)) families.push(family);
    else
      errors.push(
        field.invalid(
          `spec.clusterIPs[${index}]`,
          spec.clusterIPs,
          `${family} is not configured on this cluster`,
        ),
      );
  }
  return { families, errors };
}

function headlessFamilies(spec: ServiceSpec, configured: readonly IpFamily[]): ServiceSpec {
  const [first = configured[0] ?? "IPv4", second] = spec.ipFamilies ?? [];
  if (second !== undefined || spec.ipFamilyPolicy === "SingleStack")
    return { ...spec, ipFamilies: second === undefined ? [first] : [first, second] };
  return { ...spec, ipFamilies: [first, ...bothFamilies.filter((family) => family !== first)] };
}

function configurationErrors(spec: ServiceSpec, configured: readonly IpFamily[]): readonly FieldError[] {
  const { ipFamilyPolicy, ipFamilies } = spec;
  return [
    ...(ipFamilyPolicy === "RequireDualStack" && configured.length < 2
      ? [field.invalid(policyPath, ipFamilyPolicy, "this cluster is not configured for dual-stack services")]
      : []),
    ...field.each("spec.ipFamilies", ipFamilies, (family, at) =>
      configured.includes(family) ? [] : [field.invalid(at, family, "not configured on this cluster")],
    ),
  ];
}

function completeFamilies(spec: ServiceSpec, configured: readonly IpFamily[]): ServiceSpec {
  const named = spec.ipFamilies ?? [];
  const families = named.length > 0 ? named : configured.slice(0, 1);
  const wantsBoth = spec.ipFamilyPolicy !== "SingleStack" && families.length === 1 && configured.length === 2;
  if (!wantsBoth) return { ...spec, ipFamilies: families };
  return {
    ...spec,
    ipFamilies: [...families, ...bothFamilies.filter((family) => !families.includes(family))],
  };
}
