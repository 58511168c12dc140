import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { ipAddresses } from "../resources.generated.ts";
import { ipAddressStrategy } from "./address-strategy.ts";
import type { IPAddress } from "./types.generated.ts";

/** `services/default/kubernetes` */
function parent({ spec }: IPAddress): string {
  const reference = spec?.parentRef;
  if (reference === undefined) return "<none>";
  const { group = "", resource, namespace = "", name } = reference;
  const qualified = group === "" ? resource : `${resource}.${group}`;
  return [qualified.toLowerCase(), ...(namespace === "" ? [] : [namespace]), name].join("/");
}

export const ipAddressDefinition = defineResource(ipAddresses, {
  shortNames: ["ip"],
  // The name is the address itself; the strategy's validation says what is wrong with it.
  checkName: () => [],
  columns: [
    nameColumn,
    stringColumn("ParentRef", "Who holds the address.", parent),
    // Upstream's printer gives it, and its table forgot it.
    { ...ageColumn, isUnnamed: true },
  ],
  strategy: ipAddressStrategy,
});
