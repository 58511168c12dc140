import type { FieldError } from "../apimachinery/api-error.ts";
import * as field from "../apimachinery/validation.ts";
import { goStructs } from "./go-structs.ts";

/** How one field of a struct is printed. */
interface GoField {
  readonly name: string;
  /** In the API, whatever its case. */
  readonly key: string;
  readonly absent: unknown;
  readonly isOmittedAbsent: boolean;
  readonly struct?: string | undefined;
}

let known: ReadonlyMap<string, readonly GoField[]> | undefined;

/** Parsed with the first message that needs them. */
function fieldsOf(struct: string): readonly GoField[] {
  known ??= new Map(
    goStructs
      .trim()
      .split("\n")
      .map((line) => {
        const [name = "", fields = ""] = line.split(": ");
        return [name, fields.split(" ").map(fieldOf)];
      }),
  );
  const fields = known.get(struct);
  if (fields === undefined) throw new Error(`no struct ${struct} is known`);
  return fields;
}

const absentValues: Readonly<Record<string, unknown>> = { "?": null, "!": false, "#": 0, "%": "0" };

function fieldOf(text: string): GoField {
  const [, name = "", key = name, mark = "", struct] =
    /^([+\w]+)(?:=(\w+))?([?!#%~])?(?::(\w+))?$/.exec(text) ?? [];
  return {
    name,
    key: key.toLowerCase(),
    absent: absentValues[mark] ?? (mark === "?" ? null : struct === undefined ? "" : {}),
    isOmittedAbsent: mark === "~",
    struct,
  };
}

/**
 * A value as Go's API server shows it in messages: the JSON of its own struct, with Go's names, every field, in order. `struct` is
 * one of `goStructs`; lists of it are taken as well.
 */
export function inGoForm(struct: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => inGoForm(struct, item));
  if (typeof value !== "object" || value === null) return value ?? null;
  const source = struct === "PodSpec" ? withOwnContext(value) : value;
  const given = new Map(Object.entries(source).map(([key, member]) => [key.toLowerCase(), member]));
  const form: Record<string, unknown> = {};
  for (const each of fieldsOf(struct)) {
    if (each.name.startsWith("+")) {
      Object.assign(form, inGoForm(each.name.slice(1), value));
      continue;
    }
    const member = given.get(each.key) ?? each.absent;
    if (each.isOmittedAbsent && !given.has(each.key)) continue;
    form[each.name] = each.struct === undefined ? sorted(member) : inGoForm(each.struct, member);
  }
  return form;
}

/** A map in the order in which Go prints it. */
function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The sharing of host namespaces is a part of the security context. */
function withOwnContext(spec: object): object {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, securityContext } =
    spec as Readonly<Record<string, object | undefined>>; // a pod's
  const shared = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  return { ...spec, securityContext: { ...securityContext, ...shared } };
}

/** As `field.immutable`, of a value that messages show in Go's form. */
export function immutableStruct(
  struct: string,
  path: string,
  value: unknown,
  old: unknown,
): readonly FieldError[] {
  return field.semanticEqual(value, old)
    ? []
    : [field.invalid(path, inGoForm(struct, value), field.immutableMessage)];
}
