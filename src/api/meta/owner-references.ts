import { controllerOf, type KubeObject } from "../../apimachinery/meta.ts";

/** Whether `owner` is the managing controller of `object`, by its uid. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = controllerOf(object)?.uid;
  return uid !== undefined && uid === owner.metadata.uid;
}
