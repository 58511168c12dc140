import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { eventually } from "./test-support/client.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

const root = "/apis/admissionregistration.k8s.io/v1";

const workload = (kind: "Deployment" | "ReplicaSet", name: string, replicas: number) => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name, labels: { app: "nginx" } },
  spec: {
    replicas,
    selector: { matchLabels: { app: "nginx" } },
    template: {
      metadata: { labels: { app: "nginx" } },
      spec: { containers: [{ name: "nginx", image: "nginx:latest" }] },
    },
  },
});

function suite({ api, named }: Suite): void {
  /** A namespace that a policy and its binding are for, and nothing else. */
  const prepare = async (name: string) => {
    const unique = named(name);
    const namespace = await api().namespace(unique, { [unique]: "true" });
    const namespaceSelector = { matchLabels: { [unique]: "true" } };
    const matchConstraints = {
      namespaceSelector,
      resourceRules: [
        {
          operations: ["CREATE", "UPDATE"],
          apiGroups: ["apps"],
          apiVersions: ["v1"],
          resources: ["deployments"],
        },
      ],
    };
    const apply = async (kind: "Validating" | "Mutating", spec: object, binding: object) => {
      const apiVersion = "admissionregistration.k8s.io/v1";
      const collection = `${root}/${kind.toLowerCase()}admissionpolic`;
      await api().create(`${collection}ies`, {
        apiVersion,
        kind: `${kind}AdmissionPolicy`,
        metadata: { name: `${unique}.policy.example.com` },
        spec: { matchConstraints, ...spec },
      });
      await api().create(`${collection}ybindings`, {
        apiVersion,
        kind: `${kind}AdmissionPolicyBinding`,
        metadata: { name: `${unique}.binding.example.com` },
        spec: {
          policyName: `${unique}.policy.example.com`,
          matchResources: { namespaceSelector },
          ...binding,
        },
      });
    };
    return { unique, apply, apps: namespace.replace("/api/v1", "/apis/apps/v1") };
  };
  const marked = (apps: string) =>
    eventually("the marker is denied", async () => {
      const body = workload("Deployment", "marker-deployment", 1);
      const { status, object } = await api().send("POST", `${apps}/deployments`, { body });
      if (status < 400) await api().delete(`${apps}/deployments/marker-deployment`);
      else assert.equal((object as { reason: string }).reason, "Invalid");
      return status >= 400;
    });

  for (const { title, name, spec, replicas } of [
    {
      title: "ValidatingAdmissionPolicy: against a Deployment",
      name: "vap-deployment",
      spec: (unique: string) => ({
        validations: [
          {
            expression: "object.spec.replicas > 1",
            messageExpression: "'wants replicas > 1, got ' + object.spec.replicas",
          },
          {
            expression: `namespaceObject.metadata.name == '${unique}'`,
            message: "Internal error! Other namespace should not be allowed.",
          },
        ],
      }),
      replicas: 2,
    },
    {
      title: "ValidatingAdmissionPolicy: expressions refer to variables",
      name: "vap-variables",
      spec: () => ({
        variables: [
          { name: "replicas", expression: "object.spec.replicas" },
          { name: "oddReplicas", expression: "variables.replicas % 2 == 1" },
        ],
        validations: [{ expression: "variables.replicas > 1" }, { expression: "variables.oddReplicas" }],
      }),
      replicas: 3,
    },
  ])
    test(title, async () => {
      const { unique, apply, apps } = await prepare(name);
      await apply("Validating", spec(unique), { validationActions: ["Deny"] });
      await marked(apps);
      const { text } = await api().send("GET", "/metrics");
      const labels = `policy="${unique}.policy.example.com",policy_binding="${unique}.binding.example.com"`;
      const counted = `apiserver_validating_admission_policy_check_total{${labels},error_type="no_error",enforcement_action="deny"}`;
      assert.ok(text.includes(counted), counted);
      await api().create(`${apps}/deployments`, workload("Deployment", "replicated", replicas));
      await api().create(`${apps}/replicasets`, workload("ReplicaSet", "non-replicated", 1));
    });

  for (const { title, name, annotations, had } of [
    {
      title: "MutatingAdmissionPolicy: a Deployment without annotations",
      name: "map-plain",
      annotations: undefined,
      had: {},
    },
    {
      title: "MutatingAdmissionPolicy: a Deployment with annotations",
      name: "map-annotated",
      annotations: { "existing-annotation": "kept" },
      had: { "existing-annotation": "kept" },
    },
  ])
    test(title, async () => {
      const { apply, apps } = await prepare(name);
      const expression = `
        Object{
          metadata: Object.metadata{
            annotations: {
              "mutated-by": "admission-policy"
            }
          }
        }`;
      await apply(
        "Mutating",
        {
          reinvocationPolicy: "Never",
          mutations: [{ patchType: "ApplyConfiguration", applyConfiguration: { expression } }],
        },
        {},
      );
      let count = 0;
      await eventually("it mutates", async () => {
        const made = workload("Deployment", `test-${count++}`, 1);
        const { metadata }: AnyObject = await api().create(`${apps}/deployments`, {
          ...made,
          metadata: { ...made.metadata, ...(annotations === undefined ? {} : { annotations }) },
        });
        const { "mutated-by": by, ...others } = metadata.annotations ?? {};
        if (by !== "admission-policy") return false;
        assert.deepEqual(others, had);
        return true;
      });
    });
}

overBothTransports("Admission policies", suite);
