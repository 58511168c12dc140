import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace, NamespaceStatus } from "../../api/core/types.generated.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { DiscoveredResource } from "../framework/discovery.ts";
import { describeIntent } from "../framework/intent.ts";
import { ago, meta, now, writtenStatus } from "../test-support/objects.ts";
import { type Remaining, reconcileNamespace } from "./reconcile.ts";

function namespace({ deleted = true, finalizers = ["kubernetes"] } = {}): Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop", uid: "u", ...(deleted ? { deletionTimestamp: ago(1) } : {}) },
    spec: { finalizers },
    status: { phase: deleted ? "Terminating" : "Active" },
  };
}

function resource(
  name: string,
  kind: string,
  verbs = ["list", "delete", "deletecollection"],
): DiscoveredResource {
  return { group: "", version: "v1", resource: name, kind, namespaced: true, verbs };
}

function remaining(
  of: DiscoveredResource,
  ...objects: { deleted?: boolean; finalizers?: string[] }[]
): Remaining {
  return {
    resource: of,
    objects: objects.map(
      ({ deleted, finalizers }, index): AnyObject => ({
        apiVersion: "v1",
        kind: of.kind,
        metadata: meta(`${of.resource}-${index}`, {
          ...(deleted ? { deletionTimestamp: ago(1) } : {}),
          ...(finalizers === undefined ? {} : { finalizers }),
        }),
        spec: { terminationGracePeriodSeconds: 30 },
      }),
    ),
  };
}

const pods = resource("pods", "Pod");
const secrets = resource("secrets", "Secret");
const widgets = resource("widgets", "Widget", ["list", "delete"]);

interface Case {
  readonly name: string;
  readonly namespace?: Namespace;
  readonly remaining?: readonly Remaining[];
  readonly failures?: readonly string[];
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  { name: "leaves a living namespace alone", namespace: namespace({ deleted: false }), want: [] },
  {
    name: "lets an empty namespace go",
    want: ["updateStatus namespaces shop", "update namespaces shop"],
  },
  {
    name: "deletes pods before all else (Ordered Namespace Deletion)",
    remaining: [remaining(secrets, {}), remaining(pods, {})],
    want: ["delete all pods in shop", "updateStatus namespaces shop", "requeue after 16000 ms"],
  },
  {
    name: "waits for pods that are on their way out (namespace-deletion-removes-pods)",
    remaining: [remaining(secrets, {}), remaining(pods, { deleted: true })],
    want: ["updateStatus namespaces shop", "requeue after 16000 ms"],
  },
  {
    name: "deletes all else once the pods are gone (namespace-deletion-removes-services)",
    remaining: [remaining(secrets, {}), remaining(widgets, {})],
    want: [
      "delete all secrets in shop",
      "delete widgets default/widgets-0",
      "updateStatus namespaces shop",
      "requeue after 10 ms",
    ],
  },
  {
    name: "waits for finalizers",
    remaining: [remaining(secrets, { deleted: true, finalizers: ["example.com/keep"] })],
    want: ["updateStatus namespaces shop", "requeue after 8500 ms"],
  },
  {
    name: "does not let go what it could not look into",
    failures: ["metrics.k8s.io/v1beta1: 503"],
    want: ["updateStatus namespaces shop", "requeue after 1000 ms"],
  },
  {
    name: "is done when another finalizer is left to others",
    namespace: namespace({ finalizers: [] }),
    want: [],
  },
];

for (const { name, want, failures = [], ...rest } of cases) {
  test(`Namespace controller ${name}`, () => {
    const snapshot = { namespace: rest.namespace ?? namespace(), remaining: rest.remaining ?? [] };
    const intents = reconcileNamespace({ ...snapshot, discoveryFailures: failures }, now);
    assert.deepEqual(intents.map(describeIntent), want);
  });
}

test("Namespace controller says what remains", () => {
  const left = [remaining(secrets, { deleted: true, finalizers: ["example.com/keep"] })];
  const intents = reconcileNamespace({ namespace: namespace(), remaining: left, discoveryFailures: [] }, now);
  const { conditions = [] } = writtenStatus<NamespaceStatus>(intents) ?? {};
  const said = conditions.map(
    ({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`,
  );
  assert.deepEqual(said, [
    "NamespaceDeletionDiscoveryFailure False ResourcesDiscovered: All resources successfully discovered",
    "NamespaceDeletionGroupVersionParsingFailure False ParsedGroupVersions: All legacy kube types successfully parsed",
    "NamespaceDeletionContentFailure False ContentDeleted: All content successfully deleted, may be waiting on finalization",
    "NamespaceContentRemaining True SomeResourcesRemain: Some resources are remaining: secrets. has 1 resource instances",
    "NamespaceFinalizersRemaining True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances",
  ]);
});
