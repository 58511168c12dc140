import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "../../api/apiextensions/types.generated.ts";
import { type Condition, conditionOf, withCondition } from "./crd.ts";

/** Which names a definition gets, and what its conditions say of it: pure (upstream's naming and establishing controllers). */
export interface NamingDecision {
  readonly acceptedNames: CustomResourceDefinitionNames;
  readonly conditions: readonly Condition[];
}

/** `others` are the definitions of the same group. */
export function decideNames(
  crd: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: string,
): NamingDecision {
  const wanted = crd.spec.names;
  const accepted = crd.status?.acceptedNames ?? { plural: "", kind: "" };
  const taken = takenNames(others);
  const conflicts: { reason: string; message: string }[] = [];
  const names: {
    -readonly [Name in keyof CustomResourceDefinitionNames]: CustomResourceDefinitionNames[Name];
  } = {
    ...accepted,
  };

  const claim = (
    name: "plural" | "singular" | "kind" | "listKind",
    reason: string,
    used: ReadonlySet<string>,
  ) => {
    const value = wanted[name] ?? "";
    if (value === (accepted[name] ?? "") || !used.has(value)) names[name] = value;
    else conflicts.push({ reason, message: inUse(value) });
  };
  claim("plural", "PluralConflict", taken.resources);
  claim("singular", "SingularConflict", taken.resources);
  const clashing = (wanted.shortNames ?? []).filter(
    (name) => !(accepted.shortNames ?? []).includes(name) && taken.resources.has(name),
  );
  if (clashing.length > 0)
    conflicts.push({ reason: "ShortNamesConflict", message: aggregated(clashing.map(inUse)) });
  else if (wanted.shortNames === undefined) delete names.shortNames;
  else names.shortNames = wanted.shortNames;
  claim("kind", "KindConflict", taken.kinds);
  claim("listKind", "ListKindConflict", taken.kinds);
  if (wanted.categories === undefined) delete names.categories;
  else names.categories = wanted.categories;

  return { acceptedNames: names, conditions: decideConditions(crd, conflicts.at(-1), now) };
}

function decideConditions(
  crd: CustomResourceDefinition,
  conflict: { readonly reason: string; readonly message: string } | undefined,
  now: string,
): readonly Condition[] {
  const namesAccepted =
    conflict === undefined
      ? { type: "NamesAccepted", status: "True", reason: "NoConflicts", message: "no conflicts found" }
      : { type: "NamesAccepted", status: "False", ...conflict };
  const conditions = withCondition(crd.status?.conditions ?? [], namesAccepted, now);
  // Once established a kind stays so: its objects are there.
  if (conditionOf(crd, "Established")?.status === "True") return conditions;
  return withCondition(
    conditions,
    conflict === undefined
      ? {
          type: "Established",
          status: "True",
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        }
      : {
          type: "Established",
          status: "False",
          reason: "NotAccepted",
          message: "not all names are accepted",
        },
    now,
  );
}

function takenNames(others: readonly CustomResourceDefinition[]) {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const {
      plural = "",
      singular = "",
      shortNames = [],
      kind = "",
      listKind = "",
    } = status?.acceptedNames ?? {};
    for (const name of [plural, singular, ...shortNames]) if (name !== "") resources.add(name);
    for (const name of [kind, listKind]) if (name !== "") kinds.add(name);
  }
  return { resources, kinds };
}

const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;
const aggregated = (messages: readonly string[]) =>
  messages.length === 1 ? (messages[0] ?? "") : `[${messages.join(", ")}]`;
