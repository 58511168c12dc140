import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../apimachinery/api-error.ts";
import { withIpFamilies } from "./ip-families.ts";

type Case = {
  readonly name: string;
  readonly spec: object;
  readonly old?: object;
  readonly isDual?: boolean;
  /** Policy and families, or what is wrong. */
  readonly want: string;
};

const selector = { app: "web" };
const headless = { clusterIP: "None", clusterIPs: ["None"] };
const two = { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "fd00::1"], ipFamilies: ["IPv4", "IPv6"] };

const cases: readonly Case[] = [
  { name: "that says nothing has the cluster's first family", spec: { selector }, want: "SingleStack IPv4" },
  {
    name: "that prefers two has what there is",
    spec: { selector, ipFamilyPolicy: "PreferDualStack" },
    want: "PreferDualStack IPv4",
  },
  {
    name: "that prefers two has both where there are both",
    spec: { selector, ipFamilyPolicy: "PreferDualStack", ipFamilies: ["IPv6"] },
    isDual: true,
    want: "PreferDualStack IPv6,IPv4",
  },
  {
    name: "that requires two is refused where there is one",
    spec: { selector, ipFamilyPolicy: "RequireDualStack" },
    want: 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  },
  {
    name: "of a family that the cluster does not have is refused",
    spec: { selector, ipFamilies: ["IPv6"] },
    want: 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  },
  {
    name: "that asks for an address of such a family is refused by the address",
    spec: { selector, clusterIP: "fd00::1", clusterIPs: ["fd00::1"] },
    want: 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  },
  {
    name: "of two families says that it means two",
    spec: { selector, ipFamilies: ["IPv4", "IPv6"] },
    isDual: true,
    want: "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
  },
  { name: "that is headless has one family", spec: { ...headless, selector }, want: "SingleStack IPv4" },
  {
    name: "that is headless and whose endpoints are written by hand has both, whatever the cluster has",
    spec: headless,
    want: "RequireDualStack IPv4,IPv6",
  },
  {
    name: "gives its second address back with the policy alone",
    spec: { ...two, ipFamilyPolicy: "SingleStack" },
    old: { ...two, ipFamilyPolicy: "RequireDualStack" },
    isDual: true,
    want: "SingleStack IPv4 10.0.0.1",
  },
  {
    name: "does not lose its second address without saying so",
    spec: { ...two, clusterIPs: ["10.0.0.1"], ipFamilyPolicy: "RequireDualStack" },
    old: { ...two, ipFamilyPolicy: "RequireDualStack" },
    isDual: true,
    want: "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP",
  },
  {
    name: "that preferred two stays as it is when the cluster gets the second",
    spec: {
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "PreferDualStack",
    },
    old: {
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "PreferDualStack",
    },
    isDual: true,
    want: "PreferDualStack IPv4 10.0.0.1",
  },
];

for (const { name, spec, old, isDual, want } of cases)
  test(`a service ${name}`, () => {
    const service = (given: object) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "one" },
      spec: { type: "ClusterIP", ...given },
    });
    let got: string;
    try {
      const done = withIpFamilies(
        service(spec),
        old === undefined ? undefined : service(old),
        isDual === true ? ["IPv4", "IPv6"] : ["IPv4"],
      );
      const addresses = (done.clusterIPs ?? []).filter((address) => address !== "None");
      got = [done.ipFamilyPolicy, done.ipFamilies?.join(","), ...addresses].join(" ");
    } catch (error) {
      assert.ok(error instanceof ApiError);
      got = error.message.replace(/^Service "one" is invalid: /, "");
    }
    assert.equal(got, want);
  });
