import { encodeBase64 } from "../../base/base64.ts";
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { secrets } from "../resources.generated.ts";
import { secretValidation } from "./config-validation.ts";
import { keyPairFault } from "./key-pair-warnings.ts";
import type { Secret } from "./types.generated.ts";

/** `stringData` is a write-only convenience: its values join `data`, encoded. */
function withSecretDefaults(secret: Secret): Secret {
  const type = secret.type || "Opaque";
  if (secret.stringData === undefined) return secret.type === type ? secret : { ...secret, type };
  const { stringData, ...rest } = secret;
  const data = { ...secret.data };
  for (const key in stringData) data[key] = base64(stringData[key] ?? "");
  return { ...rest, data, type };
}

function keyPairWarnings({ type, data = {} }: Secret): readonly string[] {
  if (type !== "kubernetes.io/tls") return [];
  const fault = keyPairFault(data["tls.crt"], data["tls.key"]);
  return fault === undefined ? [] : [fault];
}

function base64(text: string): string {
  return encodeBase64(new TextEncoder().encode(text));
}

export const secretDefinition = defineResource(secrets, {
  columns: [
    nameColumn,
    stringColumn("Type", "What the secret is for.", ({ type }) => type ?? ""),
    stringColumn("Data", "Number of keys.", ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
  strategy: {
    ...secretValidation,
    defaults: withSecretDefaults,
    warnings: keyPairWarnings,
  },
  selectableFields: { type: ({ type }) => type ?? "" },
});
