import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const tokenMount = "/var/run/secrets/kubernetes.io/serviceaccount";

interface Pod extends AnyObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly volumeMounts?: readonly { readonly mountPath: string }[] }[];
  };
}

interface Review {
  readonly status: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly audiences?: readonly string[];
    readonly user?: {
      readonly username: string;
      readonly uid?: string;
      readonly groups: readonly string[];
      readonly extra: Readonly<Record<string, readonly string[]>>;
    };
  };
}

const account = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { name },
  ...more,
});

function suite({ api, named, cluster }: Suite): void {
  const review = (token: string) =>
    api().create<Review>("/apis/authentication.k8s.io/v1/tokenreviews", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      metadata: {},
      spec: { token },
    });

  test("Service Account Tokens Must AutoMount: a pod's token says which account, pod and node it is of", async () => {
    const namespace = await api().namespace(named("svcaccounts-mount"));
    await api().create(`${namespace}/serviceaccounts`, account("mount-test"));
    const pod = await api().create<Pod>(`${namespace}/pods`, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pod-service-account" },
      spec: {
        serviceAccountName: "mount-test",
        containers: [{ name: "test", image: "busybox", command: ["sleep", "100000"] }],
        terminationGracePeriodSeconds: 0,
        restartPolicy: "Never",
      },
    });
    assert.ok(pod.spec.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === tokenMount));
    await eventually("the pod runs", async () => {
      const { status } = await api().get<{ status: { phase: string } }>(
        `${namespace}/pods/pod-service-account`,
      );
      return status.phase === "Running";
    });
    const running = await api().get<Pod>(`${namespace}/pods/pod-service-account`);
    const node = await api().get(`/api/v1/nodes/${running.spec.nodeName}`);
    // What the kubelet asks for and mounts.
    const { status } = await api().create<{ status: { token: string } }>(
      `${namespace}/serviceaccounts/mount-test/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: {},
        spec: {
          audiences: [],
          expirationSeconds: 3607,
          boundObjectRef: { kind: "Pod", apiVersion: "v1", name: pod.metadata.name, uid: pod.metadata.uid },
        },
      },
    );
    const told = (await review(status.token)).status;
    assert.equal(told.authenticated, true);
    assert.equal(told.error ?? "", "");
    assert.equal(told.user?.username, `system:serviceaccount:${named("svcaccounts-mount")}:mount-test`);
    for (const group of [
      "system:authenticated",
      "system:serviceaccounts",
      `system:serviceaccounts:${named("svcaccounts-mount")}`,
    ])
      assert.ok(told.user?.groups.includes(group), group);
    const extra = (name: string) => told.user?.extra[`authentication.kubernetes.io/${name}`];
    assert.equal(extra("credential-id")?.length, 1);
    assert.match(extra("credential-id")?.[0] ?? "", /^JTI=/);
    assert.deepEqual(extra("pod-name"), [pod.metadata.name]);
    assert.deepEqual(extra("pod-uid"), [pod.metadata.uid]);
    assert.deepEqual(extra("node-name"), [node.metadata.name]);
    assert.deepEqual(extra("node-uid"), [node.metadata.uid]);
  });

  test("Service account tokens auto mount optionally: the pod's word goes before its account's", async () => {
    const namespace = await api().namespace(named("svcaccounts-opt-out"));
    for (const [name, automountServiceAccountToken] of [
      ["mount", true],
      ["nomount", false],
    ] as const)
      await api().create(`${namespace}/serviceaccounts`, account(name, { automountServiceAccountToken }));
    for (const [serviceAccountName, own, isMounted] of [
      ["default", undefined, true],
      ["mount", undefined, true],
      ["nomount", undefined, false],
      ["default", true, true],
      ["mount", true, true],
      ["nomount", true, true],
      ["default", false, false],
      ["mount", false, false],
      ["nomount", false, false],
    ] as const) {
      const pod = await api().create<Pod>(`${namespace}/pods`, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `pod-${serviceAccountName}-${own}` },
        spec: {
          containers: [{ name: "token-test", image: "agnhost" }],
          restartPolicy: "Never",
          serviceAccountName,
          ...(own === undefined ? {} : { automountServiceAccountToken: own }),
        },
      });
      const mounts = pod.spec.containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
      assert.equal(
        mounts.some(({ mountPath }) => mountPath === tokenMount),
        isMounted,
        `pod ${pod.metadata.name}`,
      );
    }
  });

  test("ServiceAccount lifecycle test", async () => {
    const namespace = await api().namespace(named("svcaccounts-life"));
    const label = named("test-serviceaccount-static");
    const selector = { labelSelector: `${label}=true` };
    const path = `${namespace}/serviceaccounts/testserviceaccount`;
    const made = await api().create(`${namespace}/serviceaccounts`, {
      ...account("testserviceaccount"),
      metadata: { name: "testserviceaccount", labels: { [label]: "true" } },
    });
    assert.equal((await api().get(path)).metadata.uid, made.metadata.uid);
    const watch = await api().watch(`${namespace}/serviceaccounts`, { ...selector, timeoutSeconds: "180" });
    await watch.until("ADDED");
    await api().strategic(path, {
      metadata: { creationTimestamp: null },
      automountServiceAccountToken: false,
    });
    await watch.until("MODIFIED");
    const list = await api().get<KubeList>("/api/v1/serviceaccounts", selector);
    assert.deepEqual(
      list.items.map(({ metadata, automountServiceAccountToken }) => [
        metadata.name,
        automountServiceAccountToken,
      ]),
      [["testserviceaccount", false]],
    );
    await api().ok("DELETE", `${namespace}/serviceaccounts`, { body: {} });
    await watch.until("DELETED");
    watch.close();
  });

  test("RootCA ConfigMap test: it is made again when it goes, and set right when it is changed", async () => {
    const namespace = await api().namespace(named("svcaccounts-root"));
    const path = `${namespace}/configmaps/kube-root-ca.crt`;
    const authority = cluster().pki.clusterAuthority.certificate;
    const { metadata } = await api().get(path);
    await api().delete(path, { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 });
    await eventually("a new one is there", async () => {
      const { status, object } = await api().send("GET", path);
      return status === 200 && (object as AnyObject).metadata.uid !== metadata.uid;
    });
    await api().update(path, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "kube-root-ca.crt" },
      data: { "ca.crt": "" },
    });
    await eventually("it is set right", async () => {
      const { data } = await api().get<{ data?: Record<string, string> }>(path);
      return data?.["ca.crt"] === authority;
    });
  });

  test("ServiceAccount, update a ServiceAccount", async () => {
    const namespace = await api().namespace(named("svcaccounts-update"));
    const path = `${namespace}/serviceaccounts/e2e-sa`;
    await api().create(
      `${namespace}/serviceaccounts`,
      account("e2e-sa", { automountServiceAccountToken: false }),
    );
    const current = await api().get(path);
    const updated = await api().update(path, { ...current, automountServiceAccountToken: true });
    assert.equal(updated.automountServiceAccountToken, true);
    assert.equal((await api().get(path)).automountServiceAccountToken, true);
  });

  test("ServiceAccount, create and review token", async () => {
    const namespace = await api().namespace(named("svcaccounts-token"));
    const made = await api().create(`${namespace}/serviceaccounts`, account("e2e-sa"));
    const { status } = await api().create<{ status: { token: string; expirationTimestamp: string } }>(
      `${namespace}/serviceaccounts/e2e-sa/token`,
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec: { audiences: [] } },
    );
    assert.ok(Date.parse(status.expirationTimestamp) > Date.now());
    const told = (await review(status.token)).status;
    assert.equal(told.authenticated, true);
    assert.equal(told.user?.username, `system:serviceaccount:${named("svcaccounts-token")}:e2e-sa`);
    assert.equal(told.user?.uid, made.metadata.uid);
    const nobody = (await review("nonsense")).status;
    assert.notEqual(nobody.authenticated, true);
  });

  test("SubjectReview, API Operations: what a review says of an account, the account finds", async () => {
    const name = named("subjectreview");
    const namespace = await api().namespace(name);
    const made = await api().create(`${namespace}/serviceaccounts`, account("e2e"));
    const user = `system:serviceaccount:${name}:e2e`;
    const groups = ["system:authenticated", "system:serviceaccounts", `system:serviceaccounts:${name}`];
    const spec = {
      resourceAttributes: { verb: "list", resource: "configmaps", namespace: name, version: "v1" },
      user,
      groups,
      uid: made.metadata.uid,
    };
    const apiVersion = "authorization.k8s.io/v1";
    const allowed = async (kind: string, place: string) =>
      (
        await api().create<{ status: { allowed?: boolean } }>(`/apis/${apiVersion}/${place}`, {
          apiVersion,
          kind,
          metadata: kind === "LocalSubjectAccessReview" ? { namespace: name } : {},
          spec,
        })
      ).status.allowed ?? false;
    const asAccount = () =>
      api().send("GET", `${namespace}/configmaps`, {
        headers: {
          "impersonate-user": user,
          "impersonate-uid": made.metadata.uid ?? "",
          "impersonate-group": groups[0] ?? "",
        },
      });
    const reviews = async () => [
      await allowed("SubjectAccessReview", "subjectaccessreviews"),
      await allowed("LocalSubjectAccessReview", `namespaces/${name}/localsubjectaccessreviews`),
    ];
    assert.deepEqual(await reviews(), [false, false]);
    assert.equal((await asAccount()).status, 403);
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    await api().create(`${rbac}/namespaces/${name}/rolebindings`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "view" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "e2e", namespace: name }],
    });
    await eventually("the binding is known", async () => (await asAccount()).status === 200);
    assert.deepEqual(await reviews(), [true, true]);
  });
}

overBothTransports("Service accounts", suite, { nodes: 1 });
