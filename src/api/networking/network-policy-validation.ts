import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { portName, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { cidrErrors, networkOf, parseCidr } from "../../apimachinery/validation-ip.ts";
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** Ranges that were taken once may stay, wherever in the policy they stand now. */
export function validateNetworkPolicyUpdate(policy: NetworkPolicy, old: NetworkPolicy): Errors {
  const { ingress = [], egress = [] } = old.spec;
  const peers = [...ingress.map(({ from = [] }) => from), ...egress.map(({ to = [] }) => to)].flat();
  const ranges = peers.flatMap(({ ipBlock }) =>
    ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])],
  );
  return validateNetworkPolicy(policy, ranges);
}

export function validateNetworkPolicy({ spec }: NetworkPolicy, oldRanges: readonly string[] = []): Errors {
  const { podSelector, ingress, egress, policyTypes = [] } = spec;
  const errors: FieldError[] = [...validateLabelSelector("spec.podSelector", podSelector)];
  errors.push(
    ...field.each("spec.ingress", ingress, ({ ports, from }, at) => [
      ...field.each(field.child(at, "ports"), ports, validatePort),
      ...field.each(field.child(at, "from"), from, (peer, path) => validatePeer(peer, path, oldRanges)),
    ]),
    ...field.each("spec.egress", egress, ({ ports, to }, at) => [
      ...field.each(field.child(at, "ports"), ports, validatePort),
      ...field.each(field.child(at, "to"), to, (peer, path) => validatePeer(peer, path, oldRanges)),
    ]),
  );
  if (policyTypes.length > 2)
    return [
      ...errors,
      field.invalid("spec.policyTypes", policyTypes, "may not specify more than two policyTypes"),
    ];
  errors.push(
    ...field.each("spec.policyTypes", policyTypes, (type, at) =>
      field.oneOf(at, type, ["Ingress", "Egress"]),
    ),
  );
  return errors;
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): Errors {
  const errors: FieldError[] = [
    ...field.oneOf(field.child(path, "protocol"), protocol, ["TCP", "UDP", "SCTP"]),
  ];
  const at = field.child(path, "port");
  const endPath = field.child(path, "endPort");
  if (port === undefined) {
    if (endPort !== undefined)
      errors.push(field.invalid(endPath, endPort, "may not be specified when `port` is not specified"));
  } else if (typeof port === "string") {
    if (endPort !== undefined)
      errors.push(field.invalid(endPath, endPort, "may not be specified when `port` is non-numeric"));
    errors.push(...field.invalidEach(at, port, portName(port)));
  } else {
    errors.push(...field.invalidEach(at, port, portNumber(port)));
    if (endPort !== undefined && endPort < port)
      errors.push(field.invalid(endPath, port, "must be greater than or equal to `port`"));
    if (endPort !== undefined) errors.push(...field.invalidEach(endPath, endPort, portNumber(endPort)));
  }
  return errors;
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  path: string,
  oldRanges: readonly string[],
): Errors {
  const errors: FieldError[] = [
    ...validateLabelSelector(field.child(path, "podSelector"), podSelector),
    ...validateLabelSelector(field.child(path, "namespaceSelector"), namespaceSelector),
  ];
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (ipBlock !== undefined) errors.push(...validateBlock(field.child(path, "ipBlock"), ipBlock, oldRanges));
  if (!selects && ipBlock === undefined) errors.push(field.required(path, "must specify a peer"));
  if (selects && ipBlock !== undefined)
    errors.push(field.forbidden(path, "may not specify both ipBlock and another peer"));
  return errors;
}

function validateBlock(
  path: string,
  { cidr, except }: NonNullable<NetworkPolicyPeer["ipBlock"]>,
  oldRanges: readonly string[],
): Errors {
  const at = field.child(path, "cidr");
  if (!cidr) return [field.required(at)];
  const errors = cidrErrors(at, cidr, oldRanges);
  const outer = parseCidr(cidr);
  if (outer === undefined) return errors;
  const inside = field.each(field.child(path, "except"), except, (range, exceptPath) => {
    const wrong = cidrErrors(exceptPath, range, oldRanges);
    const inner = parseCidr(range);
    if (inner === undefined) return wrong;
    const within = { ...outer, value: inner.value };
    const isInside =
      inner.family === outer.family &&
      inner.prefixLength > outer.prefixLength &&
      networkOf(within) === networkOf(outer);
    return isInside
      ? wrong
      : [...wrong, field.invalid(exceptPath, range, "must be a strict subset of `cidr`")];
  });
  return [...errors, ...inside];
}
