import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Secret, ServiceAccount } from "../../api/core/types.generated.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, now, nowMs } from "../test-support/objects.ts";
import { type LegacyTokenSnapshot, reconcileLegacyToken } from "./legacy-token-cleaner.ts";

const year = 365 * 86_400;
const day = (secondsAgo: number) => new Date(nowMs - secondsAgo * 1000).toISOString().slice(0, 10);

const secret = (labels: Readonly<Record<string, string>> = {}, age = 2 * year): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "default-token-x", namespace: "shop", uid: "u", labels, creationTimestamp: ago(age) },
  type: "kubernetes.io/service-account-token",
});
const account = (secrets: readonly string[]): ServiceAccount => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name: "default", namespace: "shop" },
  secrets: secrets.map((name) => ({ name })),
});
const mounting: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "shop" },
  spec: { containers: [], volumes: [{ name: "token", secret: { secretName: "default-token-x" } }] },
};

const lastUsed = "kubernetes.io/legacy-token-last-used";
const invalidSince = "kubernetes.io/legacy-token-invalid-since";
const again = ["requeue after 86400000 ms"];
const marks = ["patch secrets shop/default-token-x", ...again];

for (const { name, want, ...given } of [
  { name: "marks one that was never used", want: marks },
  {
    name: "marks one that was used long ago",
    secret: secret({ [lastUsed]: day(year + 86_400) }),
    want: marks,
  },
  { name: "keeps one that was used within the year", secret: secret({ [lastUsed]: day(year) }), want: again },
  { name: "keeps one whose last use nobody can read", secret: secret({ [lastUsed]: "monday" }), want: again },
  { name: "keeps a young one", secret: secret({}, year - 1), want: again },
  { name: "keeps one that a pod mounts", pods: [mounting], want: again },
  { name: "keeps one that somebody asked for", account: account([]), want: again },
  { name: "keeps one without its account", account: undefined, want: again },
  { name: "keeps all until use was tracked for a year", trackedSince: day(year), want: again },
  { name: "keeps all where nobody knows since when", trackedSince: undefined, want: again },
  { name: "marks again what is no day", secret: secret({ [invalidSince]: "x" }), want: marks },
  { name: "keeps a marked one for a year", secret: secret({ [invalidSince]: day(year) }), want: again },
  {
    name: "deletes it then",
    secret: secret({ [invalidSince]: day(year + 86_400) }),
    want: ["delete secrets shop/default-token-x"],
  },
] satisfies ({ readonly name: string; readonly want: readonly string[] } & Partial<LegacyTokenSnapshot>)[]) {
  test(`the cleaner of legacy tokens ${name}`, () => {
    const snapshot: LegacyTokenSnapshot = {
      secret: secret(),
      account: account(["default-token-x"]),
      pods: [],
      trackedSince: day(3 * year),
      ...given,
    };
    assert.deepEqual(reconcileLegacyToken(snapshot, now).map(describeIntent), want);
  });
}
