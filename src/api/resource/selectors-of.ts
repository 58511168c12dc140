import * as field from "../../apimachinery/validation.ts";
import type {
  DeviceClaim,
  DeviceClass,
  DeviceSelector,
  ResourceClaim,
  ResourceClaimTemplate,
} from "./types.generated.ts";

/** A rule that says which devices are meant, and where it stands in its object. */
export interface PlacedSelector {
  readonly path: string;
  readonly expression: string;
}

/** Every rule in CEL of an object of one of the kinds that have them. */
export function selectorsOf(
  object: DeviceClass | ResourceClaim | ResourceClaimTemplate,
): readonly PlacedSelector[] {
  switch (object.kind) {
    case "DeviceClass":
      return placed("spec", (object as DeviceClass).spec?.selectors); // by its kind
    case "ResourceClaim":
      return ofClaim("spec.devices", (object as ResourceClaim).spec?.devices); // by its kind
    default:
      return ofClaim("spec.spec.devices", (object as ResourceClaimTemplate).spec?.spec?.devices); // by its kind
  }
}

function ofClaim(path: string, claim: DeviceClaim | undefined): readonly PlacedSelector[] {
  return (claim?.requests ?? []).flatMap(({ exactly, firstAvailable }, index) => {
    const at = field.at(field.child(path, "requests"), index);
    return [
      ...placed(field.child(at, "exactly"), exactly?.selectors),
      ...(firstAvailable ?? []).flatMap(({ selectors }, alternative) =>
        placed(field.at(field.child(at, "firstAvailable"), alternative), selectors),
      ),
    ];
  });
}

function placed(path: string, selectors: readonly DeviceSelector[] | undefined): readonly PlacedSelector[] {
  return (selectors ?? []).flatMap(({ cel }, index) =>
    cel === undefined
      ? []
      : [
          {
            path: field.child(field.at(field.child(path, "selectors"), index), "cel", "expression"),
            expression: cel.expression ?? "",
          },
        ],
  );
}
