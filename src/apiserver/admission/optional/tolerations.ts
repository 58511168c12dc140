import type { Toleration } from "../../../api/core/types.generated.ts";

/** Whether one toleration tolerates all that another does. */
export function isSuperset(wide: Toleration, narrow: Toleration): boolean {
  if (isSame(wide, narrow)) return true;
  const anyKey = (wide.key ?? "") === "" && wide.operator === "Exists";
  if ((narrow.key ?? "") !== (wide.key ?? "") && !anyKey) return false;
  if ((narrow.effect ?? "") !== (wide.effect ?? "") && (wide.effect ?? "") !== "") return false;
  if (wide.effect === "NoExecute" && wide.tolerationSeconds !== undefined)
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds)
      return false;
  if (wide.operator === "Exists") return true;
  const isEqual = (operator: string | undefined) => operator === undefined || operator === "Equal";
  return isEqual(wide.operator) && isEqual(narrow.operator) && (narrow.value ?? "") === (wide.value ?? "");
}

function isSame(a: Toleration, b: Toleration): boolean {
  return (
    (a.key ?? "") === (b.key ?? "") &&
    (a.operator ?? "") === (b.operator ?? "") &&
    (a.value ?? "") === (b.value ?? "") &&
    (a.effect ?? "") === (b.effect ?? "") &&
    a.tolerationSeconds === b.tolerationSeconds
  );
}

/** Both lists without those that another toleration covers; of equal ones the first stays. */
export function mergeTolerations(
  first: readonly Toleration[],
  second: readonly Toleration[],
): readonly Toleration[] {
  const all = [...first, ...second];
  return all.filter(
    (toleration, index) =>
      !all.some(
        (other, at) =>
          at !== index && isSuperset(other, toleration) && (at < index || !isSame(other, toleration)),
      ),
  );
}
