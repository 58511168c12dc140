import type { AnyObject } from "../../apimachinery/meta.ts";

/** Which objects of a resource a list or a watch wants. */
export interface Selection {
  /** "": all namespaces, and what cluster-scoped resources have. */
  readonly namespace: string;
  /** Only this object, where the request or its selectors say so much. */
  readonly name?: string;
  /** Fields the selector requires to have exactly this value (`spec.nodeName`): watchers are indexed by the first. */
  readonly exactFields?: Readonly<Record<string, string>>;
  /** The whole of the label and field selectors, `exactFields` among them. Absent: every object. */
  readonly matches?: (object: AnyObject) => boolean;
}
