import { cidrWarnings } from "../../apimachinery/network-warnings.ts";
import type { Strategy } from "../definition.ts";
import { fillAbsent, mapField, mapItems } from "../fill.ts";
import { validateNetworkPolicy, validateNetworkPolicyUpdate } from "./network-policy-validation.ts";
import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  NetworkPolicySpec,
} from "./types.generated.ts";

export const networkPolicyStrategy: Strategy<NetworkPolicy> = {
  validate: (object) => validateNetworkPolicy(object),
  validateUpdate: validateNetworkPolicyUpdate,
  warnings: ({ spec: { ingress = [], egress = [] } }) => [
    ...ingress.flatMap(({ from }, index) => peerWarnings(`spec.ingress[${index}].from`, from)),
    ...egress.flatMap(({ to }, index) => peerWarnings(`spec.egress[${index}].to`, to)),
  ],
  defaults: (object) => ({ ...object, spec: defaultSpec(object.spec ?? {}) }),
};

function peerWarnings(path: string, peers: readonly NetworkPolicyPeer[] = []): readonly string[] {
  return peers.flatMap(({ ipBlock }, index) =>
    ipBlock === undefined
      ? []
      : [
          ...cidrWarnings(`${path}[${index}].ipBlock.cidr`, ipBlock.cidr),
          ...(ipBlock.except ?? []).flatMap((range, position) =>
            cidrWarnings(`${path}[${index}].ipBlock.except[${position}]`, range),
          ),
        ],
  );
}

function defaultSpec(given: NetworkPolicySpec): NetworkPolicySpec {
  const ports = (list: readonly NetworkPolicyPort[]) =>
    mapItems(list, (port) => fillAbsent(port, { protocol: "TCP" }));
  let spec = fillAbsent(given, { podSelector: {} });
  spec = mapField(spec, "ingress", (rules) => mapItems(rules, (rule) => mapField(rule, "ports", ports)));
  spec = mapField(spec, "egress", (rules) => mapItems(rules, (rule) => mapField(rule, "ports", ports)));
  if ((spec.policyTypes ?? []).length > 0) return spec;
  // Without a word a policy is about what comes in, and about what goes out where it has rules for that.
  const policyTypes = (spec.egress ?? []).length > 0 ? ["Ingress", "Egress"] : ["Ingress"];
  return { ...spec, policyTypes };
}
