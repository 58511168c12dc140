import type { AnyObject, ResourceType } from "../../apimachinery/meta.ts";

export const pods: ResourceType = {
  group: "",
  version: "v1",
  resource: "pods",
  kind: "Pod",
  namespaced: true,
};

/** A pod of namespace "n" at a version; its uid is its name's unless told. */
export function pod(
  name: string,
  version: number,
  options: { uid?: string; namespace?: string } = {},
): AnyObject {
  const { uid = `uid-${name}`, namespace = "n" } = options;
  const metadata = { name, namespace, uid, resourceVersion: String(version) };
  return { apiVersion: "v1", kind: "Pod", metadata };
}
