import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { UserError } from "../user-error.ts";
import { composeAdmission } from "./admission.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "k8ts-admission-"));
});
after(() => rm(directory, { recursive: true }));

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
  const { added, podSecurity } = await composeAdmission({
    enabled: ["AlwaysPullImages"],
    disabled: [],
    configFile,
  });
  assert.equal(added.length, 1);
  assert.equal(podSecurity?.defaults.enforce.level, "restricted");
});

test("a configuration that is not there is said to be", () =>
  assert.rejects(
    composeAdmission({ enabled: [], disabled: [], configFile: join(directory, "none.yaml") }),
    (error) =>
      error instanceof UserError &&
      /^unable to read admission control configuration from ".*" \[ENOENT/.test(error.message),
  ));
