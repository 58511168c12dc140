import { apiVersionOf, type KubeObject, type ResourceType } from "../apimachinery/meta.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import { updateOptionNames } from "./call-options.ts";
import type { Client, UpdateOptions } from "./client.ts";

/**
 * What one field manager says about an object: any part of it. Lists stay whole lists of partial items; apiVersion and
 * kind are those of the resource (client-go's apply configurations).
 */
export type ApplyConfiguration<T extends KubeObject> = Omit<Partially<T>, "metadata"> & {
  readonly metadata: Partially<T["metadata"]> & { readonly name: string };
};

type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Partially<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]?: Partially<T[Name]> }
    : T;

/** Who applies, and how. */
export interface ApplyOptions extends Omit<UpdateOptions, "fieldManager"> {
  /** Who owns the fields named here: one stable name a program. */
  readonly fieldManager: string;
  /** Takes fields over that another manager owns; without it that is a Conflict. Controllers force. */
  readonly force?: boolean;
}

const applyOptionNames: OptionNames<ApplyOptions> = { ...updateOptionNames, force: true };

/**
 * Server-side apply: makes the object say what is given here, creates it where it is absent, and takes away what this
 * manager said before and does not say now. Resolves with the whole object; an apply that changes nothing writes nothing.
 * Rejects with ApiError: Conflict where another manager owns a field and `force` is not set.
 */
export async function apply<T extends KubeObject>(
  client: Pick<Client, "patch">,
  type: ResourceType<T>,
  configuration: ApplyConfiguration<T>,
  options: ApplyOptions,
): Promise<T> {
  checkNames("apply", options, applyOptionNames);
  const { fieldManager, force, ...rest } = options;
  const { name, namespace } = configuration.metadata;
  const object = { ...configuration, apiVersion: apiVersionOf(type), kind: type.kind };
  return client.patch(
    type,
    typeof namespace === "string" ? { namespace, name } : { name },
    { type: "apply", object, fieldManager, ...(force === undefined ? {} : { force }) },
    rest,
  );
}
