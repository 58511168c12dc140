import { decodeBase64, encodeBase64 } from "../../base/base64.ts";
import { ageColumn, integerColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { secrets } from "../resources.generated.ts";
import { secretValidation } from "./config-validation.ts";
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

/** A pair of keys that cannot be one, in the words of Go's TLS library. */
function keyPairWarnings({ type, data = {} }: Secret): readonly string[] {
  if (type !== "kubernetes.io/tls") return [];
  for (const [name, what] of [
    ["tls.crt", "certificate"],
    ["tls.key", "key"],
  ] as const)
    if (!text(data[name]).includes("-----BEGIN "))
      return [`tls: failed to find any PEM data in ${what} input`];
  return [];
}

function text(encoded = ""): string {
  try {
    return new TextDecoder().decode(decodeBase64(encoded));
  } catch {
    return "";
  }
}

function base64(text: string): string {
  return encodeBase64(new TextEncoder().encode(text));
}

export const secretDefinition = defineResource(secrets, {
  columns: [
    nameColumn,
    stringColumn("Type", "What the secret is for.", ({ type }) => type ?? ""),
    integerColumn("Data", "Number of keys.", ({ data }) => Object.keys(data ?? {}).length),
    ageColumn,
  ],
  strategy: {
    ...secretValidation,
    defaults: withSecretDefaults,
    warnings: keyPairWarnings,
  },
  selectableFields: { type: ({ type }) => type ?? "" },
});
