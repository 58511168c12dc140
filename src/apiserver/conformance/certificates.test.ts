import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { loadX509 } from "../pki/x509-library.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

interface Request extends AnyObject {
  readonly status: {
    readonly certificate?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly lastUpdateTime?: string;
    }[];
  };
}

const collection = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

async function signingRequest(name: string): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await loadX509();
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const made = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  return btoa(made.toString("pem"));
}

function suite({ api, cluster, named }: Suite): void {
  const types = ({ status }: Request) => status.conditions?.map(({ type }) => type);

  test("CertificateSigningRequest API: objects, approval and status have endpoints of their own", async () => {
    const { groups } = await api().get<{ groups: { name: string }[] }>("/apis");
    assert.ok(groups.some(({ name }) => name === "certificates.k8s.io"));
    const list = await api().get<{ resources: { name: string }[] }>("/apis/certificates.k8s.io/v1");
    for (const part of ["", "/approval", "/status"])
      assert.ok(
        list.resources.some(({ name }) => name === `certificatesigningrequests${part}`),
        part,
      );
    const signerName = `example.com/e2e-${named("signer")}`;
    const make = async () =>
      api().create<Request>(collection, {
        apiVersion: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: { generateName: "e2e-example-csr-" },
        spec: {
          request: await signingRequest("CN=e2e.example.com"),
          signerName,
          expirationSeconds: 3600,
          usages: ["digital signature", "key encipherment", "server auth"],
        },
      });
    await make();
    await make();
    const made = await make();
    const path = `${collection}/${made.metadata.name}`;
    const read = await api().get<Request & { spec: { expirationSeconds: number; username: string } }>(path);
    assert.equal(read.metadata.uid, made.metadata.uid);
    assert.equal(Number(read.spec.expirationSeconds), 3600);
    assert.equal(read.spec.username, "kubernetes-admin");
    const mine = { fieldSelector: `spec.signerName=${signerName}` };
    const found = await api().get<KubeList>(collection, mine);
    assert.equal(found.items.length, 3);
    const watch = await api().watch(collection, {
      ...mine,
      resourceVersion: found.metadata.resourceVersion ?? "",
    });
    const patched = await api().merge(path, { metadata: { annotations: { patched: "true" } } });
    const annotations = { ...patched.metadata.annotations, updated: "true" };
    await api().update(path, { ...patched, metadata: { ...patched.metadata, annotations } });
    for (;;) {
      const { type, object } = await watch.next();
      assert.equal(type, "MODIFIED");
      if (object.metadata.annotations?.updated === "true") break;
    }
    watch.close();
    assert.equal((await api().get(`${path}/approval`)).metadata.uid, made.metadata.uid);
    const approval = await api().merge<Request>(`${path}/approval`, {
      metadata: { annotations: { patchedapproval: "true" } },
      status: { conditions: [{ type: "ApprovalPatch", status: "True", reason: "e2e" }] },
    });
    assert.deepEqual(types(approval), ["ApprovalPatch"]);
    assert.equal(approval.metadata.annotations?.patchedapproval, "true");
    const approved = await api().update<Request>(`${path}/approval`, {
      ...approval,
      status: {
        conditions: [
          ...(approval.status.conditions ?? []),
          { type: "Approved", status: "True", reason: "E2E", message: "Set from an e2e test" },
        ],
      },
    });
    assert.deepEqual(types(approved), ["ApprovalPatch", "Approved"]);
    assert.equal((await api().get(`${path}/status`)).metadata.uid, made.metadata.uid);
    const certificate = btoa(cluster().pki.serving.certificate);
    const issued = await api().merge<Request>(`${path}/status`, {
      metadata: { annotations: { patchedstatus: "true" } },
      status: { certificate },
    });
    assert.equal(issued.status.certificate, certificate);
    assert.equal(issued.metadata.annotations?.patchedstatus, "true");
    const updated = await api().update<Request>(`${path}/status`, {
      ...issued,
      status: {
        ...issued.status,
        conditions: [
          ...(issued.status.conditions ?? []),
          { type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from an e2e test" },
        ],
      },
    });
    assert.deepEqual(types(updated), ["ApprovalPatch", "Approved", "StatusUpdate"]);
    await api().delete(path);
    assert.ok(await api().isGone(path));
    assert.equal((await api().get<KubeList>(collection, mine)).items.length, 2);
    await api().ok("DELETE", collection, { query: mine, body: {} });
    assert.equal((await api().get<KubeList>(collection, mine)).items.length, 0);
  });

  test("A request for a client certificate is signed once it is approved", async () => {
    const made = await api().create<Request>(collection, {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name: named("tester-csr") },
      spec: {
        request: await signingRequest("CN=tester"),
        signerName: "kubernetes.io/kube-apiserver-client",
        usages: ["digital signature", "client auth"],
      },
    });
    const path = `${collection}/${made.metadata.name}`;
    await api().update(`${path}/approval`, {
      ...made,
      status: { conditions: [{ type: "Approved", status: "True", reason: "E2E", message: "by a test" }] },
    });
    await eventually(
      "it is signed",
      async () => (await api().get<Request>(path)).status.certificate !== undefined,
    );
  });
}

overBothTransports("Certificates", suite);
