import assert from "node:assert/strict";
import { test } from "node:test";
import { authWords } from "./auth-flags.ts";
import { operationWords } from "./operation-flags.ts";
import { parseUpOptions, type UpFlags } from "./up-options.ts";
import { UserError } from "./user-error.ts";

const flags: UpFlags = {
  nodes: "1",
  runtime: "auto",
  storage: "sqlite",
  dataDir: "/data",
  port: "6443",
  logLevel: "info",
};

test("The flags' defaults are one node, durable, in the given folder", async () => {
  const options = await parseUpOptions(flags);
  assert.deepEqual(
    {
      nodes: options.nodes,
      storage: options.storage,
      dataDirectory: options.dataDirectory,
      port: options.port,
      disabled: options.disabled,
    },
    { nodes: 1, storage: "sqlite", dataDirectory: "/data", port: 6443, disabled: [] },
  );
});

for (const { change, says } of [
  { change: { nodes: "-1" }, says: '--nodes: "-1" is not a whole number from 0 to 32' },
  { change: { nodes: "1.5" }, says: '--nodes: "1.5" is not a whole number from 0 to 32' },
  { change: { nodes: "" }, says: '--nodes: "" is not a whole number from 0 to 32' },
  { change: { nodes: "2000", runtime: "sim" }, says: '--nodes: "2000" is not a whole number from 0 to 1000' },
  { change: { runtime: "docker" }, says: '--runtime: "docker" is not one of auto, containerd, sim' },
  { change: { storage: "disk" }, says: '--storage: "disk" is not one of sqlite, memory' },
  { change: { port: "70000" }, says: '--port: "70000" is not a whole number from 0 to 65535' },
  { change: { image: ["/nowhere.tar"] }, says: "--image: there is no file /nowhere.tar" },
  {
    change: { oidcIssuerUrl: "https://issuer" },
    says: "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
  },
  {
    change: { authorizationMode: "RBAC,Webhook" },
    says: "authorization-mode Webhook's authorization config file not passed",
  },
  { change: { authorizationMode: "Some" }, says: 'authorization-mode "Some" is not a valid mode' },
  {
    change: { serviceAccountSigningEndpoint: "@a b" },
    says: 'invalid value "@a b" passed for `--service-account-signing-endpoint`, when prefixed with @ must be a valid abstract socket name',
  },
  {
    change: { authorizationMode: "ABAC" },
    says: "authorization-mode ABAC's authorization policy file not passed",
  },
  { change: { goawayChance: "0.5" }, says: "--goaway-chance can not be less than 0 or greater than 0.02" },
  {
    change: { maxRequestsInflight: "0", maxMutatingRequestsInflight: "0" },
    says: "--max-requests-inflight: with --max-mutating-requests-inflight it must be more than 0",
  },
  { change: { requestTimeout: "0s" }, says: "--request-timeout: it must be more than 0" },
  {
    change: { auditLogPath: "-" },
    says: "no audit policy file provided, no events will be recorded: give --audit-policy-file",
  },
  {
    change: { auditPolicyFile: "p" },
    says: "--audit-policy-file: say where to, with --audit-log-path or --audit-webhook-config-file",
  },
  {
    change: { auditPolicyFile: "p", auditLogPath: "-", auditLogFormat: "xml" },
    says: 'invalid audit log format xml, allowed formats are "legacy,json"',
  },
  {
    change: { encryptionProviderConfigAutomaticReload: "true" },
    says: "--encryption-provider-config-automatic-reload must be set with --encryption-provider-config",
  },
  { change: { eventTtl: "1 hour" }, says: '--event-ttl: "1 hour" is no duration such as 5m0s' },
  { change: { profiling: "on" }, says: '--profiling: "on" is neither true nor false' },
  { change: { anonymousAuth: "no" }, says: '--anonymous-auth: "no" is neither true nor false' },
  { change: { logLevel: "loud" }, says: '--log-level: "loud" is not one of debug, info, warn, error' },
]) {
  test(`A bad flag is refused in one sentence: ${says}`, async () => {
    await assert.rejects(
      parseUpOptions({ ...flags, ...change }),
      (error) => error instanceof UserError && error.message === says,
    );
  });
}

test("Components and controllers can be disabled, others are named as unknown", async () => {
  const { disabled } = await parseUpOptions({ ...flags, disable: "scheduler, job-controller" });
  assert.deepEqual(disabled, ["scheduler", "job-controller"]);
  await assert.rejects(parseUpOptions({ ...flags, disable: "etcd" }), /there is no component "etcd"/);
});

test("Flags of authentication and authorization survive the way to a background process", async () => {
  const given = {
    oidcIssuerUrl: "https://issuer",
    oidcClientId: "client",
    oidcRequiredClaim: ["a=b", "c=d=e"],
    apiAudiences: "x,y",
  };
  assert.deepEqual(authWords(given), [
    "--oidc-issuer-url=https://issuer",
    "--oidc-client-id=client",
    "--oidc-required-claim=a=b",
    "--oidc-required-claim=c=d=e",
    "--api-audiences=x,y",
  ]);
  const { auth, flags: shown } = await parseUpOptions({ ...flags, ...given });
  assert.equal(shown.get("oidc-required-claim"), "a=b,c=d=e");
  assert.equal(auth?.oidc?.usernamePrefix, "https://issuer#");
  assert.deepEqual(auth?.oidc?.requiredClaims, [
    ["a", "b"],
    ["c", "d=e"],
  ]);
  assert.equal((await parseUpOptions(flags)).auth, undefined);
});

test("Flags of the API server's operation are read in kube-apiserver's units, and survive the way to the background", async () => {
  const given = {
    auditPolicyFile: "/policy.yaml",
    auditLogPath: "/audit.log",
    auditLogMaxage: "7",
    eventTtl: "2h",
    etcdCompactionInterval: "0",
    shutdownDelayDuration: "1m30s",
    profiling: "false",
  };
  const { operation } = await parseUpOptions({ ...flags, ...given });
  assert.equal(operation?.audit?.log?.maxAgeMs, 7 * 86_400_000);
  assert.equal(operation?.audit?.log?.maxBytes, 100 * 1024 * 1024);
  assert.equal(operation?.audit?.webhook, undefined);
  const { eventTtlSeconds, compactionIntervalMs, shutdownDelayMs, sendRetryAfter, profiling } =
    operation ?? {};
  assert.deepEqual([eventTtlSeconds, compactionIntervalMs, shutdownDelayMs], [7200, 0, 90_000]);
  assert.deepEqual([sendRetryAfter, profiling], [false, false]);
  assert.deepEqual(operationWords(given).slice(0, 2), [
    "--audit-policy-file=/policy.yaml",
    "--audit-log-path=/audit.log",
  ]);
  const limits = { maxRequestsInflight: "10", enablePriorityAndFairness: "false", requestTimeout: "30s" };
  assert.deepEqual((await parseUpOptions({ ...flags, ...limits })).operation?.flowControl, {
    maxRequestsInFlight: 10,
    maxMutatingRequestsInFlight: 200,
    enabled: false,
    requestTimeoutMs: 30_000,
  });
  assert.equal((await parseUpOptions(flags)).operation, undefined);
});

test("admission plugins are chosen by kube-apiserver's flags, and unknown ones refused in its words", async () => {
  const chosen = await parseUpOptions({
    ...flags,
    enableAdmissionPlugins: "AlwaysPullImages,PodNodeSelector",
    disableAdmissionPlugins: "PodSecurity",
    admissionControlConfigFile: "/admission.yaml",
  });
  assert.deepEqual(chosen.operation?.admission, {
    enabled: ["AlwaysPullImages", "PodNodeSelector"],
    disabled: ["PodSecurity"],
    configFile: "/admission.yaml",
  });
  for (const [given, message] of [
    [{ enableAdmissionPlugins: "Nothing" }, 'enable-admission-plugins plugin "Nothing" is unknown'],
    [{ disableAdmissionPlugins: "Nothing" }, 'disable-admission-plugins plugin "Nothing" is unknown'],
    [
      { enableAdmissionPlugins: "Priority", disableAdmissionPlugins: "Priority" },
      "[Priority] in enable-admission-plugins and disable-admission-plugins overlapped",
    ],
  ] as const)
    await assert.rejects(parseUpOptions({ ...flags, ...given }), { message });
});
