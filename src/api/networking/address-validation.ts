/** IPAddress and ServiceCIDR: which service addresses there are, and who holds them. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Subdomain, pathSegment } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { canonicalCidrErrors, canonicalIpErrors, isDualStack } from "../../apimachinery/validation-ip.ts";
import { immutableStruct } from "../go-form.ts";
import type { IPAddress, ServiceCIDR } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** The name of an IPAddress is the address. */
export function validateIpAddress({ metadata, spec }: IPAddress): Errors {
  const errors: FieldError[] = [...canonicalIpErrors("metadata.name", metadata.name ?? "")];
  const path = "spec.parentRef";
  if (spec?.parentRef === undefined) return [...errors, field.required(path)];
  const { group = "", resource, namespace = "", name } = spec.parentRef;
  if (group !== "") errors.push(...field.invalidEach(`${path}.group`, group, dns1123Subdomain(group)));
  if (!resource) errors.push(field.required(`${path}.resource`));
  else errors.push(...field.invalidEach(`${path}.resource`, resource, pathSegment(resource)));
  if (!name) errors.push(field.required(`${path}.name`));
  else errors.push(...field.invalidEach(`${path}.name`, name, pathSegment(name)));
  if (namespace !== "")
    errors.push(...field.invalidEach(`${path}.namespace`, namespace, pathSegment(namespace)));
  return errors;
}

export function validateIpAddressUpdate(object: IPAddress, old: IPAddress): Errors {
  return immutableStruct("ParentReference", "spec.parentRef", object.spec?.parentRef, old.spec?.parentRef);
}

export function validateServiceCidr({ spec }: ServiceCIDR): Errors {
  const cidrs = spec?.cidrs ?? [];
  const path = "spec.cidrs";
  if (cidrs.length === 0) return [field.required(path, "at least one CIDR required")];
  if (cidrs.length > 2) return [field.invalid(path, cidrs, "may only hold up to 2 values")];
  const errors = [...field.each(path, cidrs, (range, at) => canonicalCidrErrors(at, range))];
  if (errors.length === 0 && cidrs.length === 2 && !isDualStack(cidrs))
    errors.push(
      field.invalid(
        path,
        cidrs,
        "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
      ),
    );
  return errors;
}

/** A second family can be added; what is there stays. */
export function validateServiceCidrUpdate(object: ServiceCIDR, old: ServiceCIDR): Errors {
  const after = object.spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  const path = "spec.cidrs";
  const isUpgrade = before.length === 1 && after.length === 2;
  if (after.length !== before.length && !isUpgrade)
    return [field.invalid(path, after, field.immutableMessage)];
  const changes = before.flatMap((range, index) =>
    after[index] === range
      ? []
      : [field.invalid(field.at(path, index), after[index], field.immutableMessage)],
  );
  // What was there is not judged again; what is new is.
  return isUpgrade ? [...changes, ...validateServiceCidr(object)] : changes;
}
