import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Secret } from "../api/core/types.generated.ts";
import { pullCredentials } from "./pull-credentials.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n" },
  spec: { containers: [], imagePullSecrets: [{ name: "login" }] },
};

for (const { name, server, registry, want } of [
  { name: "go to their registry", server: "a.test:5000", registry: "a.test:5000", want: 1 },
  { name: "are found by a URL too", server: "https://a.test/v2/", registry: "a.test", want: 1 },
  { name: "stay away from another registry", server: "a.test", registry: "b.test", want: 0 },
]) {
  test(`Pull credentials ${name}, and name no server that containerd could mistake`, () => {
    const config = { auths: { [server]: { auth: base64("user:pass:word") } } };
    const secret: Secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "login" },
      data: { ".dockerconfigjson": base64(JSON.stringify(config)) },
    };
    const found = pullCredentials(pod, registry, { secret: () => secret });
    assert.deepEqual(found, Array(want).fill({ username: "user", password: "pass:word" }));
  });
}
