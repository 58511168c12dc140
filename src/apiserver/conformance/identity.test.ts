import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status } from "../../apimachinery/api-error.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

/** Who somebody is, told in upstream's words: token requests, reviews of tokens, acting as somebody else. */
function suite({ api, named }: Suite): void {
  const account = "robot";
  const tokenRequest = (spec: object, metadata: object = {}) => ({
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata,
    spec: { audiences: [], ...spec },
  });
  const reviewed = async (token: string, audiences: readonly string[] = []) => {
    const { status } = await api().create<{ status: { authenticated?: boolean; error?: string } }>(
      "/apis/authentication.k8s.io/v1/tokenreviews",
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        metadata: {},
        spec: { token, audiences },
      },
    );
    return status.error ?? (status.authenticated === true ? "authenticated" : "nobody");
  };
  const made = async (name: string) => {
    const namespace = await api().namespace(named(name));
    const accounts = `${namespace}/serviceaccounts`;
    const { metadata } = await api().create(accounts, {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: account },
    });
    return { namespace, accounts, uid: metadata.uid ?? "", path: `${accounts}/${account}/token` };
  };

  test("a token request says in which field it is wrong, or which object it does not fit", async () => {
    const { namespace, accounts, path, uid } = await made("token-refusals");
    await api().create(`${namespace}/secrets`, { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } });
    await api().create(`${namespace}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    const invalid = (name: string) => `TokenRequest.authentication.k8s.io "${name}" is invalid: `;
    const bound = (kind: string, name: string, more: object = {}) =>
      tokenRequest({ boundObjectRef: { apiVersion: "v1", kind, name, ...more } });
    const rows: readonly [body: object, code: number, message: string][] = [
      [
        tokenRequest({ expirationSeconds: 599 }),
        422,
        `${invalid("")}spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
      ],
      [
        tokenRequest({}, { name: "other" }),
        422,
        `${invalid(account)}metadata.name: Invalid value: "other": must match the service account name if specified`,
      ],
      [
        tokenRequest({}, { uid: "old" }),
        409,
        `Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "${account}": the UID in the token request (old) does not match the UID of the service account (${uid})`,
      ],
      [bound("Deployment", "d"), 400, "cannot bind token to object of type /v1, Kind=Deployment"],
      [bound("Secret", "none"), 404, 'secrets "none" not found'],
      [
        bound("Pod", "p"),
        400,
        `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
      ],
    ];
    for (const [body, code, message] of rows) {
      const refused = await api().refused("POST", path, { body });
      assert.deepEqual([refused.code, refused.message], [code, message]);
    }
    const absent = await api().refused("POST", `${accounts}/none/token`, {
      body: tokenRequest({ expirationSeconds: 1 }),
    });
    assert.equal(absent.message, 'serviceaccounts "none" not found');
    const { metadata } = await api().create(path, tokenRequest({ expirationSeconds: 600 }));
    assert.deepEqual([metadata.name, metadata.uid], [account, uid]);
  });

  test("a review says why a token is good no more", async () => {
    const { namespace, path } = await made("token-reviews");
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };
    const token = async (spec: object) =>
      (await api().create<{ status: { token: string } }>(path, tokenRequest(spec))).status.token;
    const first = await api().create(`${namespace}/secrets`, secret);
    const bound = await token({ boundObjectRef: { apiVersion: "v1", kind: "Secret", name: "s" } });
    assert.equal(await reviewed(bound), "authenticated");
    await api().delete(`${namespace}/secrets/s`);
    assert.equal(await reviewed(bound), "[invalid bearer token, service account token has been invalidated]");
    const second = await api().create(`${namespace}/secrets`, secret);
    assert.equal(
      await reviewed(bound),
      `[invalid bearer token, secret UID (${second.metadata.uid}) does not match service account secret ref claim (${first.metadata.uid})]`,
    );
    const other = await token({ audiences: ["vault"] });
    assert.equal(await reviewed(other, ["vault"]), "authenticated");
    assert.match(
      await reviewed(other),
      /^\[invalid bearer token, token audiences \["vault"\] is invalid for the target audiences \["https:.*"\]\]$/,
    );
    const [head = "", body = ""] = bound.split(".");
    assert.equal(
      await reviewed(`${head}.${body}.${"A".repeat(86)}`),
      "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]",
    );
    assert.equal(await reviewed("nonsense"), "invalid bearer token");
  });

  test("whoever may act as another for one verb may do so for that verb alone", async () => {
    const namespace = await api().namespace(named("impersonation"));
    const name = named("constrained");
    const rules = [
      { apiGroups: [""], resources: ["configmaps"], verbs: ["impersonate-on:user-info:list"] },
      { apiGroups: ["authentication.k8s.io"], resources: ["users"], verbs: ["impersonate:user-info"] },
    ];
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
    await api().create(`${rbac}/clusterroles`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name },
      rules,
    });
    await api().create(`${rbac}/clusterrolebindings`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name },
      roleRef,
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "agent" }],
    });
    await api().create(`${rbac}/clusterrolebindings`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: `${name}-view` },
      roleRef: { ...roleRef, name: "view" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "eve" }],
    });
    // Over HTTPS the administrator acts as the agent, who cannot then act as another: only a review tells.
    const { status } = await api().create<{ status: { allowed: boolean } }>(
      "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        metadata: {},
        spec: {
          user: "agent",
          resourceAttributes: {
            verb: "impersonate-on:user-info:list",
            resource: "configmaps",
            version: "v1",
            namespace: named("impersonation"),
          },
        },
      },
    );
    assert.equal(status.allowed, true);
    if (api().transport === "HTTPS") return;
    const user = { name: "agent", groups: ["system:authenticated"] };
    const asEve = { user, headers: { "impersonate-user": "eve" } };
    await api().ok("GET", `${namespace}/configmaps`, asEve);
    const refused: Status = await api().refused("GET", `${namespace}/configmaps/x`, asEve);
    assert.equal(
      refused.message,
      `configmaps "x" is forbidden: User "agent" cannot impersonate-on:user-info:get resource "configmaps" in API group "" in the namespace "${named("impersonation")}"`,
    );
  });
}

overBothTransports("Identity", suite);
