import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { loadAdmissionPlugins } from "../src/apiserver/admission/optional/load-plugins.ts";
import { readAuditPolicy } from "../src/apiserver/audit/policy.ts";
import { decodeAuthenticationConfiguration } from "../src/apiserver/configuration/authentication-configuration.ts";
import { validateAuthenticationConfiguration } from "../src/apiserver/configuration/authentication-validation.ts";
import { decodeAuthorizationConfiguration } from "../src/apiserver/configuration/authorization-configuration.ts";
import { validateAuthorizationConfiguration } from "../src/apiserver/configuration/authorization-validation.ts";
import { readEncryptionConfiguration } from "../src/storage/encryption/configuration.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/administration.md"), "utf8");
const samples = [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => ({
  text,
  kind: /^kind: (\w+)$/m.exec(text)?.[1] ?? "",
}));

/** Throws, or gives faults, for what the server would refuse. */
const takers: Readonly<Record<string, (text: string) => unknown>> = {
  Policy: (text) => {
    readAuditPolicy(parse(text));
  },
  AdmissionConfiguration: async (text) => {
    const none = () => Promise.reject(new Error("the sample names no further file"));
    const files = { read: none, credentials: none, callerFor: none };
    await loadAdmissionPlugins({ enabled: [], disabled: [], configuration: text, files });
  },
  AuthenticationConfiguration: async (text) =>
    validateAuthenticationConfiguration(await decodeAuthenticationConfiguration(text), {
      disallowedIssuers: ["https://kubernetes.default.svc.cluster.local"],
      isCertificateBundle: () => true,
    }).errors,
  AuthorizationConfiguration: async (text) =>
    validateAuthorizationConfiguration(await decodeAuthorizationConfiguration(text), {
      fileFault: () => undefined,
    }).errors,
  EncryptionConfiguration: (text) => {
    // The page says how to make a key.
    const key = Buffer.alloc(32, 1).toString("base64");
    readEncryptionConfiguration(parse(text.replace(/<head [^>]+>/, key)));
  },
};

describe("The administrator's page", () => {
  test("has a sample of every file that a flag names", () => {
    assert.deepEqual(samples.map(({ kind }) => kind).toSorted(), Object.keys(takers).toSorted());
  });

  for (const { text, kind } of samples)
    test(`has its ${kind} in a form that the API server takes`, async () => {
      assert.deepEqual((await takers[kind]?.(text)) ?? [], []);
    });
});
