import assert from "node:assert/strict";
import { test } from "node:test";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

/** What a client of v1.36 may count on. */
const expected = [
  "admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
  "apiextensions.k8s.io/v1/customresourcedefinitions",
  "apiregistration.k8s.io/v1/apiservices",
  "apps/v1/deployments",
  "authentication.k8s.io/v1/tokenreviews",
  "authorization.k8s.io/v1/selfsubjectaccessreviews",
  "autoscaling/v1/horizontalpodautoscalers",
  "autoscaling/v2/horizontalpodautoscalers",
  "batch/v1/jobs",
  "certificates.k8s.io/v1/certificatesigningrequests",
  "coordination.k8s.io/v1/leases",
  "discovery.k8s.io/v1/endpointslices",
  "events.k8s.io/v1/events",
  "networking.k8s.io/v1/ingresses",
  "node.k8s.io/v1/runtimeclasses",
  "policy/v1/poddisruptionbudgets",
  "scheduling.k8s.io/v1/priorityclasses",
  "storage.k8s.io/v1/csinodes",
];

interface Aggregated {
  readonly kind: string;
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly { readonly resource: string }[];
    }[];
  }[];
}
interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string };
}
interface Resources {
  readonly groupVersion: string;
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

const flat = ({ items }: Aggregated) =>
  items.flatMap(({ metadata, versions }) =>
    versions.flatMap(({ version, resources }) =>
      resources.map(({ resource }) => `${metadata.name ?? ""}/${version}/${resource}`),
    ),
  );

function suite({ api }: Suite): void {
  // What client-go asks with, and what the suite writes itself.
  for (const { title, accept } of [
    {
      title: "Aggregated Discovery Endpoint Accept Headers",
      accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    },
    {
      title: "Aggregated Discovery Interface",
      accept:
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
    },
  ])
    test(`${title}: all groups in two answers, with an ETag`, async () => {
      for (const [path, wanted] of [
        ["/apis", expected],
        ["/api", ["/v1/namespaces"]],
      ] as const) {
        const { status, object, text, headers } = await api().send("GET", path, { headers: { accept } });
        assert.equal(status, 200);
        const found = (object ?? JSON.parse(text)) as Aggregated;
        assert.equal(found.kind, "APIGroupDiscoveryList");
        for (const name of wanted) assert.ok(flat(found).includes(name), name);
        assert.match(String(headers["content-type"] ?? accept), /as=APIGroupDiscoveryList/);
      }
    });

  test("Discovery, confirm the PreferredVersion for each api group", async () => {
    const { groups } = await api().get<{ groups: readonly Group[] }>("/apis");
    assert.ok(groups.length > 15);
    for (const { name, versions, preferredVersion } of groups) {
      const own = await api().get<Group>(`/apis/${name}`);
      assert.deepEqual(own.preferredVersion, preferredVersion);
      assert.ok(versions.some(({ groupVersion }) => groupVersion === preferredVersion.groupVersion));
    }
  });

  test("Discovery, confirm the groupVerion and a resourcefrom each apiGroup", async () => {
    for (const [path, groupVersion, resource, kind] of [
      ["/api/v1", "v1", "namespaces", "Namespace"],
      [
        "/apis/admissionregistration.k8s.io/v1",
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
      ],
      ["/apis/apps/v1", "apps/v1", "deployments", "Deployment"],
      ["/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1", "roles", "Role"],
      ["/apis/scheduling.k8s.io/v1", "scheduling.k8s.io/v1", "priorityclasses", "PriorityClass"],
      [
        "/apis/flowcontrol.apiserver.k8s.io/v1",
        "flowcontrol.apiserver.k8s.io/v1",
        "flowschemas",
        "FlowSchema",
      ],
    ] as const) {
      const list = await api().get<Resources>(path);
      assert.equal(list.groupVersion, groupVersion);
      assert.equal(list.resources.find(({ name }) => name === resource)?.kind, kind);
    }
  });

  test("Confirm a server version", async () => {
    const { status, object, text } = await api().send("GET", "/version");
    assert.equal(status, 200);
    const version = (object ?? JSON.parse(text)) as { major: string; minor: string; gitVersion: string };
    assert.match(version.major, /^[1-9]$/);
    // As the suite reads it: what is no number is taken away.
    assert.match(version.minor.replaceAll(/[^0-9]+/g, ""), /^36$/);
  });

  test("API metadata HTTP return: 406 for a review as a table", async () => {
    const { status, object, text } = await api().send(
      "POST",
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      {
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          metadata: {},
          spec: { resourceAttributes: { namespace: "default", verb: "get", resource: "pods" } },
        },
        headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
      },
    );
    assert.equal(status, 406);
    assert.equal(((object ?? JSON.parse(text)) as { code: number }).code, 406);
  });
}

overBothTransports("Discovery", suite);
