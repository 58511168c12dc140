import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelName } from "../../apimachinery/labels.ts";
import { byteLength, labelValue } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { cidrErrors, isDualStack } from "../../apimachinery/validation-ip.ts";
import { inGoForm } from "../go-form.ts";
import { taintEffectErrors } from "./affinity-validation.ts";
import { type AnnotatedList, annotatedListErrors } from "./annotated-lists.ts";
import { validateNodeConfiguration } from "./node-config-validation.ts";
import { resourceAmountErrors } from "./resource-validation.ts";
import type { Node, Taint } from "./types.generated.ts";

type Errors = readonly FieldError[];

const annotatedTaints: AnnotatedList<Taint> = {
  key: "scheduler.alpha.kubernetes.io/taints",
  goType: "[]core.Taint",
  check: validateTaints,
};

export function validateNode(node: Node): Errors {
  const podCidrs = node.spec?.podCIDRs ?? [];
  const errors: FieldError[] = [
    ...annotatedListErrors("metadata.annotations", node.metadata.annotations, annotatedTaints),
    // Upstream's path: the taints are in the spec.
    ...validateTaints("metadata.taints", node.spec?.taints),
    ...validateAmounts(node),
    ...validateFeatures(node),
    ...field.each("spec.podCIDRs", podCidrs, (range, at) => cidrErrors(at, range)),
  ];
  if (podCidrs.length > 1 && (podCidrs.length > 2 || !isDualStack(podCidrs)))
    errors.push(
      field.invalid("spec.podCIDRs", podCidrs, "may specify no more than one CIDR for each IP family"),
    );
  return errors;
}

const featureName = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const maxFeatureBytes = 253;

function featureNameErrors(path: string, name: string): Errors {
  const told = `invalid feature name ${JSON.stringify(name)}`;
  if (byteLength(name) > maxFeatureBytes)
    return [field.invalid(path, name, `${told}: must be no more than ${maxFeatureBytes} characters`)];
  const rule =
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes";
  return featureName.test(name) ? [] : [field.invalid(path, name, `${told}: ${rule}`)];
}

/** What a kubelet declares that it can do: names in their order, each once. */
function validateFeatures({ status }: Node): Errors {
  const names = status?.declaredFeatures ?? [];
  return field.each("status.declaredFeatures", names, (name, at, index) => {
    const before = names[index - 1];
    const errors = [...featureNameErrors(at, name)];
    if (before === name) errors.push(field.duplicate(at, name));
    else if (before !== undefined && before > name)
      errors.push(field.invalid(at, name, "list must be sorted alphabetically"));
    return errors;
  });
}

function validateTaints(path: string, taints: readonly Taint[] | undefined): Errors {
  const seen = new Set<string>();
  return field.each(path, taints, (taint, at) => {
    const { key, value = "", effect } = taint;
    const errors: FieldError[] = [...validateLabelName(field.child(at, "key"), key)];
    const reasons = labelValue(value);
    if (reasons.length > 0) errors.push(field.invalid(field.child(at, "value"), value, reasons.join(";")));
    if (!effect) errors.push(field.required(field.child(at, "effect")));
    else errors.push(...taintEffectErrors(field.child(at, "effect"), effect));
    const identity = `${effect}/${key}`;
    if (seen.has(identity)) {
      const duplicate = field.duplicate(at, inGoForm("Taint", taint));
      errors.push({
        ...duplicate,
        message: `${duplicate.message}: taints must be unique by key and effect pair`,
      });
    }
    seen.add(identity);
    return errors;
  });
}

function validateAmounts({ status }: Node): Errors {
  return (["capacity", "allocatable"] as const).flatMap((part) =>
    Object.entries(status?.[part] ?? {}).flatMap(([name, amount]) =>
      resourceAmountErrors(field.child("status", part, name), name, amount),
    ),
  );
}

/** What a node was given stays; each range that differs is told of. */
function podCidrChanges(after: readonly string[], before: readonly string[]): Errors {
  if (before.length === 0) return [];
  const detail = 'node updates may not change podCIDR except from "" to valid';
  const changed =
    after.length === before.length ? before.filter((range, index) => range !== after[index]) : [""];
  return changed.map(() => field.forbidden("spec.podCIDRs", detail));
}

export function validateNodeUpdate(node: Node, old: Node): Errors {
  const errors: FieldError[] = [
    ...annotatedListErrors("metadata.annotations", node.metadata.annotations, annotatedTaints),
    ...validateAmounts(node),
    ...validateFeatures(node),
  ];
  errors.push(
    ...field.unique(
      node.status?.addresses,
      ({ type, address }) => `${type}/${address}`,
      (index, { type, address }) =>
        field.duplicate(field.at("status.addresses", index), inGoForm("NodeAddress", { type, address })),
    ),
  );
  errors.push(...podCidrChanges(node.spec?.podCIDRs ?? [], old.spec?.podCIDRs ?? []));
  const providerId = old.spec?.providerID ?? "";
  if (providerId !== "" && node.spec?.providerID !== providerId)
    errors.push(
      field.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid'),
    );
  errors.push(...validateNodeConfiguration(node), ...validateTaints("metadata.taints", node.spec?.taints));
  if ((node.spec?.externalID ?? "") !== (old.spec?.externalID ?? ""))
    errors.push(field.forbidden("spec.externalID", "may not be updated"));
  return errors;
}
