import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { ageColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource, subresource } from "../define.ts";
import { namespaces } from "../resources.generated.ts";
import type { Namespace } from "./types.generated.ts";

/** Under this label every namespace carries its own name, for selectors of namespaces. */
const namespaceNameLabel = "kubernetes.io/metadata.name";

export const namespaceDefinition = defineResource(namespaces, {
  shortNames: ["ns"],
  hasStatus: true,
  verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  checkName: dns1123Label,
  columns: [
    nameColumn,
    stringColumn(
      "Status",
      "Active, or Terminating while it is emptied.",
      ({ status }) => status?.phase ?? "",
    ),
    ageColumn,
  ],
  strategy: {
    generationFields: [],
    defaults: withNamespaceDefaults,
    prepareForCreate: (namespace) => ({
      ...withNamespaceDefaults(namespace),
      // What must be done before the namespace may go; the namespace controller takes it off.
      spec: { ...namespace.spec, finalizers: withKubernetesFinalizer(namespace.spec?.finalizers ?? []) },
      status: { phase: "Active" },
    }),
    prepareForUpdate: (namespace, old) => ({
      ...namespace,
      // Only the finalize subresource writes these.
      spec: { ...namespace.spec, finalizers: old.spec?.finalizers ?? [] },
    }),
    validate: ({ spec }) => finalizerErrors(spec?.finalizers ?? []),
    // Upstream tells which one it is only here.
    validateSubresourceUpdate: (_finalize, { spec }) =>
      field.each("spec.finalizers", spec?.finalizers, (name, at) => finalizerErrors([name], at)),
    validateStatusUpdate: phaseErrors,
  },
  selectableFields: { "status.phase": ({ status }) => status?.phase ?? "" },
  subresources: [subresource("finalize", "Namespace", ["update"])],
});

/** Names of what must be done before a namespace may go: fully qualified, or the one of Kubernetes. */
function finalizerErrors(finalizers: readonly string[], path = "spec.finalizers"): readonly FieldError[] {
  return finalizers.flatMap((name) => [
    ...field.invalidEach(path, name, qualifiedName(name)),
    ...(name.includes("/") || ["kubernetes", "orphan", "foregroundDeletion"].includes(name)
      ? []
      : [field.invalid(path, name, "name is neither a standard finalizer name nor is it fully qualified")]),
  ]);
}

/** The phase follows from whether the namespace is being deleted. */
function phaseErrors({ metadata, status }: Namespace): readonly FieldError[] {
  const isGoing = metadata.deletionTimestamp !== undefined;
  const phase = isGoing ? "Terminating" : "Active";
  if (status?.phase === phase) return [];
  const detail = `may only be '${phase}' if \`deletionTimestamp\` is ${isGoing ? "not " : ""}empty`;
  return [field.invalid("status.Phase", status?.phase ?? "", detail)];
}

function withKubernetesFinalizer(finalizers: readonly string[]): readonly string[] {
  return finalizers.includes("kubernetes") ? finalizers : [...finalizers, "kubernetes"];
}

function withNamespaceDefaults(namespace: Namespace): Namespace {
  const { name = "" } = namespace.metadata;
  const status = namespace.status?.phase ? namespace.status : { ...namespace.status, phase: "Active" };
  // A generated name is not known yet; creation comes back here once it is.
  if (name === "") return { ...namespace, status };
  const labels = { ...namespace.metadata.labels, [namespaceNameLabel]: name };
  return { ...namespace, metadata: { ...namespace.metadata, labels }, status };
}
