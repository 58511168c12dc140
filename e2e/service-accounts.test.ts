import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, describe, test } from "node:test";
import { eventually, RealCluster, skipReason } from "./test-support/cluster.ts";
import { Api, busybox, Namespace } from "./test-support/namespace.ts";

const mount = "/var/run/secrets/kubernetes.io/serviceaccount";

interface Review {
  readonly status: {
    readonly authenticated?: boolean;
    readonly user?: {
      readonly username: string;
      readonly extra: Readonly<Record<string, readonly string[]>>;
    };
  };
}

/** What pods hold of their service accounts, on real containers. */
describe("Service accounts in pods", { skip: skipReason }, () => {
  let cluster: RealCluster;
  let api: Api;
  before(async () => {
    cluster = await RealCluster.start({ nodes: 1 });
    api = await Api.start(cluster);
  });
  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const sleeper = (volumeMounts: readonly object[] = [], more: object = {}) => ({
    containers: [{ name: "main", image: busybox, command: ["sleep", "1000"], volumeMounts }],
    terminationGracePeriodSeconds: 0,
    ...more,
  });
  const review = (token: string) =>
    api.must<Review>("POST", "apis/authentication.k8s.io/v1/tokenreviews", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token },
    });

  test("Service Account Tokens Must AutoMount: the token, the authority and the namespace are where every client looks", async () => {
    const space = await Namespace.create(cluster, api, "automount");
    await api.must("POST", "api/v1/namespaces/automount/serviceaccounts", {
      metadata: { name: "mount-test" },
    });
    const spec = sleeper([], { serviceAccountName: "mount-test" });
    await space.create({ kind: "Pod", metadata: { name: "mounted" }, spec });
    const pod = await space.ready("mounted");
    const read = (file: string) =>
      cluster.kubectl("-n", "automount", "exec", "mounted", "--", "cat", `${mount}/${file}`);
    const authority = await api.get<{ data: Record<string, string> }>(
      "api/v1/namespaces/automount/configmaps/kube-root-ca.crt",
    );
    assert.equal(await read("ca.crt"), authority.data["ca.crt"]);
    assert.equal(await read("namespace"), "automount");
    const { status } = await review(await read("token"));
    assert.equal(status.authenticated, true);
    assert.equal(status.user?.username, "system:serviceaccount:automount:mount-test");
    const extra = (name: string) => status.user?.extra[`authentication.kubernetes.io/${name}`];
    assert.deepEqual(extra("pod-name"), ["mounted"]);
    assert.deepEqual(extra("pod-uid"), [pod.metadata.uid]);
    assert.deepEqual(extra("node-name"), [pod.spec.nodeName]);
  });

  test("TokenRequestProjection should mount a projected volume with token using TokenRequest API.", async () => {
    const space = await Namespace.create(cluster, api, "projected-token");
    await space.create({
      kind: "Pod",
      metadata: { name: "test-pod" },
      spec: {
        restartPolicy: "Never",
        containers: [
          {
            name: "main",
            image: busybox,
            command: ["cat", "/test-volume/token"],
            volumeMounts: [{ name: "test-volume", mountPath: "/test-volume", readOnly: true }],
          },
        ],
        volumes: [
          {
            name: "test-volume",
            projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }] },
          },
        ],
      },
    });
    assert.equal((await space.ended("test-pod")).status.phase, "Succeeded");
    const token = (await space.logs("test-pod")).trim();
    assert.match(token, /^[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.[A-Za-z0-9-_.+/=]+$/);
    // It is that of a pod which has ended: reviewed it is nobody's any more only once the pod is gone.
    const { exp, iat } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    assert.equal(exp - iat, 3600);
  });

  test("OIDC Discovery (ServiceAccountIssuerDiscovery): a pod finds its issuer's keys with its token, at addresses that pods reach", async () => {
    const space = await Namespace.create(cluster, api, "oidc");
    await api.must("POST", "apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
      metadata: { name: "oidc-discovery" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "oidc" }],
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "system:service-account-issuer-discovery",
      },
    });
    const projected = {
      sources: [
        {
          serviceAccountToken: { path: "sa-token", expirationSeconds: 600, audience: "oidc-discovery-test" },
        },
      ],
    };
    await space.create({
      kind: "Pod",
      metadata: { name: "validator" },
      spec: sleeper([{ mountPath: "/var/run/secrets/tokens", name: "sa-token", readOnly: true }], {
        volumes: [{ name: "sa-token", projected }],
      }),
    });
    await space.ready("validator");
    const inPod = (...words: string[]) => cluster.kubectl("-n", "oidc", "exec", "validator", "--", ...words);
    const own = await inPod("cat", "/var/run/secrets/tokens/sa-token");
    const claims = JSON.parse(Buffer.from(own.split(".")[1] ?? "", "base64url").toString());
    assert.deepEqual(claims.aud, ["oidc-discovery-test"]);
    const token = await inPod("cat", `${mount}/token`);
    const ca = await inPod("cat", `${mount}/ca.crt`);
    /** As a pod asks: the URL's host must be in the certificate. The issuer's name is only known inside. */
    const ask = (url: string, host?: string) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const { hostname, port, pathname } = new URL(url);
        const outgoing = request(
          {
            host: host ?? hostname,
            servername: host === undefined ? "" : hostname,
            port: port === "" ? 443 : Number(port),
            path: pathname,
            ca,
            agent: false,
            headers: { authorization: `Bearer ${token}` },
          },
          (incoming) => {
            let text = "";
            incoming.on("data", (chunk: Buffer) => (text += chunk.toString()));
            incoming.on("end", () => resolve(JSON.parse(text)));
          },
        );
        outgoing.on("error", reject);
        outgoing.end();
      });
    const issuer = String(claims.iss);
    const documents = await ask(`${issuer}/.well-known/openid-configuration`, "10.96.0.1");
    assert.equal(documents.issuer, issuer);
    const keysAt = new URL(String(documents.jwks_uri));
    assert.notEqual(keysAt.hostname, "127.0.0.1");
    const { keys } = await ask(keysAt.href);
    const { kid } = JSON.parse(Buffer.from(own.split(".")[0] ?? "", "base64url").toString());
    assert.ok((keys as { kid: string }[]).some((key) => key.kid === kid));
    await eventually(
      "the pod reaches both addresses",
      () =>
        cluster.kubectlWith(
          {},
          "-n",
          "oidc",
          "exec",
          "validator",
          "--",
          "sh",
          "-c",
          `nc -w 3 ${keysAt.hostname} ${keysAt.port} </dev/null && nc -w 3 ${new URL(issuer).hostname} 443 </dev/null`,
        ),
      ({ code }) => code === 0,
    );
  });
});
