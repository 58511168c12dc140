import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../base/system-clock.ts";
import { systemRandom } from "../../base/system-random.ts";
import { UserError } from "../user-error.ts";
import { composeAdmission } from "./admission.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "k8ts-admission-"));
});
after(() => rm(directory, { recursive: true }));

const stop = new AbortController();
after(() => stop.abort());
const dependencies = { clock: systemClock, random: systemRandom, signal: stop.signal };

test("an admission configuration names files beside it", async () => {
  const configFile = join(directory, "admission.yaml");
  await writeFile(
    configFile,
    "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- {name: PodSecurity, path: security.yaml}\n",
  );
  await writeFile(
    join(directory, "security.yaml"),
    "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\ndefaults: {enforce: restricted}\n",
  );
  const { added, podSecurity } = await composeAdmission(
    { enabled: ["AlwaysPullImages"], disabled: [], configFile },
    dependencies,
  );
  assert.equal(added.length, 1);
  assert.equal(podSecurity?.defaults.enforce.level, "restricted");
});

test("a configuration that is not there is said to be", () =>
  assert.rejects(
    composeAdmission({ enabled: [], disabled: [], configFile: join(directory, "none.yaml") }, dependencies),
    (error) =>
      error instanceof UserError &&
      /^unable to read admission control configuration from ".*" \[ENOENT/.test(error.message),
  ));

const kubeconfig = (server: string) => `apiVersion: v1
kind: Config
current-context: c
clusters: [{ name: x, cluster: { server: "${server}" } }]
contexts: [{ name: c, context: { cluster: x, user: other } }]
users:
- { name: hooks.shop.svc, user: { token: for-the-service } }
- { name: "*.example.com:8443", user: { username: jane, password: secret } }
- { name: other, user: { token: for-all-others, as: root } }
`;

test("webhooks are asked as whom a kubeconfig says by their host, images' policy with its own", async () => {
  const configFile = join(directory, "webhooks.yaml");
  const path = join(directory, "kubeconfig.yaml");
  await writeFile(path, kubeconfig("https://127.0.0.1:1"));
  const webhooks = `{ apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: ${path} }`;
  await writeFile(
    configFile,
    `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- { name: ValidatingAdmissionWebhook, configuration: ${webhooks} }
- { name: ImagePolicyWebhook, configuration: { imagePolicy: { kubeConfigFile: ${path}, defaultAllow: true } } }
`,
  );
  const plugins = await composeAdmission(
    { enabled: ["ImagePolicyWebhook"], disabled: [], configFile },
    dependencies,
  );
  assert.equal(plugins.added.length, 1);
  assert.equal(plugins.mutatingCredentials, undefined);
  const headersAt = async (hostPort: string) => (await plugins.validatingCredentials?.(hostPort))?.headers;
  assert.deepEqual(await headersAt("hooks.shop.svc:443"), { authorization: "Bearer for-the-service" });
  assert.deepEqual(await headersAt("a.example.com:8443"), {
    authorization: `Basic ${Buffer.from("jane:secret").toString("base64")}`,
  });
  assert.deepEqual(await headersAt("a.example.com:443"), {
    authorization: "Bearer for-all-others",
    "impersonate-user": "root",
  });
});
