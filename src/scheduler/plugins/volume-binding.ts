import type { Plugin } from "../framework/plugin.ts";
import { Rejection, skip, success } from "../framework/status.ts";
import { claimKeysOf, type PodClaims } from "../volumes/pod-claims.ts";
import type { VolumeBinder } from "../volumes/volume-binder.ts";

/** Keeps pods to nodes that their volumes can be reached from, or be made for; has them bound first. */
export function volumeBinding(binder: VolumeBinder): Plugin<PodClaims> {
  return {
    name: "VolumeBinding",
    requeueOn: [
      { resource: "nodes", action: "add" },
      { resource: "nodes", action: "update-labels" },
      { resource: "persistentvolumeclaims", action: "add" },
      { resource: "persistentvolumeclaims", action: "update" },
      { resource: "persistentvolumes", action: "add" },
      { resource: "persistentvolumes", action: "update" },
      { resource: "storageclasses", action: "add" },
      { resource: "storageclasses", action: "update" },
      { resource: "csinodes", action: "add" },
      { resource: "csinodes", action: "update" },
      { resource: "csidrivers", action: "update" },
      { resource: "csistoragecapacities", action: "add" },
      { resource: "csistoragecapacities", action: "update" },
    ],
    preFilter({ pod }) {
      return claimKeysOf(pod).length === 0 ? skip : binder.claimsOf(pod);
    },
    filter(claims, { node }) {
      const plan = binder.plan(claims, node);
      return plan instanceof Rejection ? plan : success;
    },
    reserve({ pod }, { node, name }) {
      if (claimKeysOf(pod).length === 0) return success;
      const claims = binder.claimsOf(pod);
      const plan = claims instanceof Rejection ? claims : binder.plan(claims, node);
      if (plan instanceof Rejection) return plan;
      binder.assume(pod, plan, name);
      return success;
    },
    unreserve: ({ uid }) => binder.restore(uid),
    preBindPreFlight: ({ uid }) => binder.hasPlan(uid),
    async preBind({ uid }, nodeName, signal) {
      await binder.bind(uid, nodeName, signal);
      return success;
    },
  };
}
