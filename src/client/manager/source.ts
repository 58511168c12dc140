import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { checkNames, type OptionNames } from "../../base/option-names.ts";
import { checkedResource } from "../checked-resource.ts";
import type { HandlerOptions, InformerOptions } from "../informer.ts";
import { informerOptionNames } from "../informer-factory.ts";
import type { Predicate } from "./predicates.ts";

/** What of a resource is kept, and which of its changes count. */
export interface SourceOptions<T extends KubeObject> extends InformerOptions<T> {
  /** Which changes count; absent: all. */
  readonly when?: Predicate<T>;
  /** Every object counts as changed this often, milliseconds; absent: never. */
  readonly resyncMs?: HandlerOptions["resyncMs"];
}

const sourceOptionNames: OptionNames<SourceOptions<KubeObject>> = {
  when: true,
  resyncMs: true,
  ...informerOptionNames,
};

/** A resource to follow, with what of it counts: made by `source`. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly resource: ResourceType<T>;
  readonly options: SourceOptions<KubeObject>;
}

/** A resource to follow with what of it counts: `source(pods, { labelSelector: "app=web", when: predicates.labelsChanged })`. */
export function source<T extends KubeObject>(
  resource: ResourceType<T>,
  options: SourceOptions<T> = {},
): Source<T> {
  checkedResource(resource);
  checkNames(`source of ${resource.resource}`, options, sourceOptionNames);
  // An informer calls these with its own objects only, which are T.
  return { resource, options: options as unknown as SourceOptions<KubeObject> };
}

/** The source that a declaration names in short. */
export function sourceOf(declared: ResourceType<KubeObject> | Source): Source {
  if (declared !== undefined && "options" in declared) return declared;
  return { resource: checkedResource(declared), options: {} };
}
