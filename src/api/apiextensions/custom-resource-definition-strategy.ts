import type { Strategy } from "../definition.ts";
import { fillAbsent, fillEmpty, mapField } from "../fill.ts";
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionUpdate,
} from "./custom-resource-definition-validation.ts";
import { formatWarnings } from "./format-warnings.ts";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionStatus,
} from "./types.generated.ts";

export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  validate: validateCustomResourceDefinition,
  validateUpdate: validateCustomResourceDefinitionUpdate,
  warnings: formatWarnings,
  unconditionalUpdate: false,
  defaults: (object) => ({
    ...object,
    spec: defaultSpec(object.spec ?? {}),
    status: object.status ?? initialStatus,
  }),
  prepareForCreate: (object) => ({
    ...object,
    status: { ...newStatus, storedVersions: storageVersions(object).slice(0, 1) },
  }),
  prepareForUpdate: (object, old) => {
    // A version that objects are stored in from now on is one they may be found in.
    const stored = old.status?.storedVersions ?? [];
    const added = storageVersions(object).filter((version) => !stored.includes(version));
    if (added.length === 0) return object;
    return { ...object, status: { ...object.status, storedVersions: [...stored, ...added] } };
  },
};

const initialStatus: CustomResourceDefinitionStatus = {
  conditions: [],
  acceptedNames: { plural: "", kind: "" },
  storedVersions: [],
};

/** Of a definition that nobody has looked at yet, conditions say null. */
const newStatus = { ...initialStatus, conditions: null } as unknown as CustomResourceDefinitionStatus; // as it is written

function storageVersions({ spec }: CustomResourceDefinition): string[] {
  return (spec?.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name);
}

function defaultSpec(given: CustomResourceDefinitionSpec): CustomResourceDefinitionSpec {
  const names = given.names ?? { plural: "", kind: "" };
  const { kind = "" } = names;
  const forms = { singular: kind.toLowerCase(), listKind: kind === "" ? "" : `${kind}List` };
  const named = { ...given, names: fillEmpty(names, forms) };
  const converted = fillAbsent(named, { conversion: { strategy: "None" } });
  return mapField(converted, "conversion", (conversion) =>
    mapField(conversion, "webhook", (webhook) =>
      mapField(webhook, "clientConfig", (client) =>
        mapField(client, "service", (service) => fillAbsent(service, { port: 443 })),
      ),
    ),
  );
}
