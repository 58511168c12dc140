import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodSpec, ServiceAccount } from "../../api/core/types.generated.ts";
import { unlistedSecret } from "./mountable-secrets.ts";

const account: ServiceAccount = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "sa", annotations: { "kubernetes.io/enforce-mountable-secrets": "true" } },
  secrets: [{ name: "listed" }],
  imagePullSecrets: [{ name: "pulled" }],
};
const of = (name: string) => ({ name, image: "i" });
const refused = (what: string) =>
  `${what} secret.secretName="other" is not allowed because service account sa does not reference that secret`;

for (const { name, spec, want } of [
  {
    name: "what the account lists is allowed",
    spec: {
      containers: [{ ...of("c"), envFrom: [{ secretRef: { name: "listed" } }] }],
      volumes: [{ name: "v", secret: { secretName: "listed" } }],
      imagePullSecrets: [{ name: "pulled" }],
    },
    want: undefined,
  },
  {
    name: "a volume",
    spec: { containers: [of("c")], volumes: [{ name: "v", secret: { secretName: "other" } }] },
    want: refused("volume with"),
  },
  {
    name: "a variable of an init container comes before that of a container",
    spec: {
      initContainers: [
        { ...of("i"), env: [{ name: "A", valueFrom: { secretKeyRef: { name: "other", key: "k" } } }] },
      ],
      containers: [{ ...of("c"), envFrom: [{ secretRef: { name: "other" } }] }],
    },
    want: refused("init container i with envVar A referencing"),
  },
  {
    name: "all variables of a container",
    spec: { containers: [{ ...of("c"), envFrom: [{ secretRef: { name: "other" } }] }] },
    want: refused("container c with envFrom referencing"),
  },
  {
    name: "a secret to pull images with",
    spec: { containers: [of("c")], imagePullSecrets: [{ name: "pulled" }, { name: "other" }] },
    want: 'imagePullSecrets[1].name="other" is not allowed because service account sa does not reference that imagePullSecret',
  },
] as const satisfies readonly { name: string; spec: PodSpec; want: string | undefined }[])
  test(`mountable secrets: ${name}`, () => {
    assert.equal(unlistedSecret(spec, account, ["initContainers", "containers"]), want);
    assert.equal(
      unlistedSecret(spec, { ...account, metadata: { name: "sa" } }, ["initContainers", "containers"]),
      undefined,
    );
  });

test("mountable secrets: of ephemeral containers only their own variables are looked at", () => {
  const spec: PodSpec = {
    containers: [of("c")],
    volumes: [{ name: "v", secret: { secretName: "other" } }],
    ephemeralContainers: [{ ...of("e"), envFrom: [{ secretRef: { name: "other" } }] }],
  };
  assert.equal(
    unlistedSecret(spec, account, ["ephemeralContainers"]),
    refused("ephemeral container e with envFrom referencing"),
  );
});
