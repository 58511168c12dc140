import { signers } from "../../api/certificates/signer-rules.ts";
import type { CertificateSigningRequest } from "../../api/certificates/types.generated.ts";
import { apiReferenceOf } from "../../api/core/pod-references.ts";
import type { Binding, Node, PersistentVolumeClaim, Pod } from "../../api/core/types.generated.ts";
import { nodes, pods } from "../../api/resources.generated.ts";
import { notFound } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import { nodeOf } from "../authorization/node-authorizer.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import type { ReadSubject } from "./certificates.ts";
import { type AdmissionDependencies, getLive, refuse } from "./dependencies.ts";
import { checkNodeToken } from "./node-restriction-tokens.ts";

/** Narrows what a kubelet writes to its own node and its own pods. */
export function nodeRestriction(
  dependencies: AdmissionDependencies,
  readSubject: ReadSubject,
): AdmissionPlugin {
  const lister = dependencies.informers.informer(pods).lister;
  const nodeLister = dependencies.informers.informer(nodes).lister;
  const findNode = (name: string) => nodeLister.get(name) ?? getLive(dependencies.client, nodes, { name });
  const find = (namespace: string, name: string) =>
    lister.get(`${namespace}/${name}`) ?? getLive(dependencies.client, pods, { namespace, name });
  return {
    name: "NodeRestriction",
    handles: (operation) => operation !== "CONNECT",
    admit(attributes) {
      const nodeName = nodeOf(attributes.user);
      if (nodeName === undefined) return attributes.object;
      if (nodeName === "")
        throw refuse(
          attributes,
          `could not determine node from user ${JSON.stringify(attributes.user.name)}`,
        );
      return checkRequest({ nodeName, attributes, find, findNode, dependencies, readSubject }).then(
        () => attributes.object,
      );
    },
  };
}

interface NodeRequest {
  readonly nodeName: string;
  readonly attributes: AdmissionAttributes;
  readonly find: (namespace: string, name: string) => Promise<Pod | undefined> | Pod | undefined;
  readonly findNode: (name: string) => Promise<Node | undefined> | Node | undefined;
  readonly readSubject: ReadSubject;
  readonly dependencies: AdmissionDependencies;
}

async function checkRequest(request: NodeRequest): Promise<void> {
  const { group, resource } = request.attributes.resource;
  switch (`${resource}.${group}`) {
    case "pods.":
      return checkPodRequest(request);
    case "nodes.":
      return checkNode(request);
    case "persistentvolumeclaims.":
      return checkClaim(request);
    case "serviceaccounts.":
      return checkNodeToken(request);
    case "leases.coordination.k8s.io":
      return checkLease(request);
    case "csinodes.storage.k8s.io":
      return checkCsiNode(request);
    case "certificatesigningrequests.certificates.k8s.io":
      return checkSigningRequest(request);
    case "resourceslices.resource.k8s.io":
      return checkSlice(request);
    default:
  }
}

async function checkPodRequest(request: NodeRequest): Promise<void> {
  const { attributes } = request;
  switch (attributes.subresource) {
    case "":
      if (attributes.operation === "CREATE") return checkMirrorPod(request);
      if (attributes.operation === "DELETE") return checkPodDeletion(request);
      throw refuse(
        attributes,
        `unexpected operation ${JSON.stringify(attributes.operation)}, node ${JSON.stringify(request.nodeName)} can only create and delete mirror pods`,
      );
    case "status":
      return checkPodStatus(request);
    case "eviction":
      return checkEviction(request);
    default:
      throw refuse(
        attributes,
        `unexpected pod subresource ${JSON.stringify(attributes.subresource)}, only 'status' and 'eviction' are allowed`,
      );
  }
}

const mirrorAnnotation = "kubernetes.io/config.mirror";

/** A kubelet makes pods only to show its static ones, and these refer to nothing of the API. */
async function checkMirrorPod(request: NodeRequest): Promise<void> {
  const { nodeName, attributes, findNode } = request;
  // The resource says that it is a pod.
  const pod = attributes.object as AnyObject & Pod;
  const node = JSON.stringify(nodeName);
  const why = (text: string) => refuse(attributes, text);
  if (pod.metadata.annotations?.[mirrorAnnotation] === undefined)
    throw why(
      `pod does not have ${JSON.stringify(mirrorAnnotation)} annotation, node ${node} can only create mirror pods`,
    );
  if (pod.spec.nodeName !== nodeName)
    throw why(`node ${node} can only create pods with spec.nodeName set to itself`);
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1)
    throw why(`node ${node} can only create pods with a single owner reference set to itself`);
  if (owner === undefined)
    throw why(`node ${node} can only create pods with an owner reference set to itself`);
  if (owner.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== nodeName)
    throw why(`node ${node} can only create pods with an owner reference set to itself`);
  if (owner.controller !== true)
    throw why(`node ${node} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true)
    throw why(`node ${node} must not set blockOwnerDeletion on an owner reference`);
  const registered = await findNode(nodeName);
  if (registered === undefined) throw notFound({ group: "", resource: "nodes" }, nodeName);
  if (registered.metadata.uid !== owner.uid)
    throw why(`node ${nodeName} UID mismatch: expected ${owner.uid} got ${registered.metadata.uid}`);
  const reference = apiReferenceOf(pod);
  if (reference !== undefined) throw why(`node ${node} can not create pods that reference ${reference}`);
}

async function checkPodDeletion({ nodeName, attributes, find }: NodeRequest): Promise<void> {
  const pod =
    (attributes.oldObject as (AnyObject & Pod) | undefined) ??
    (await find(attributes.namespace, attributes.name));
  if (pod !== undefined && pod.spec.nodeName !== nodeName)
    throw refuse(
      attributes,
      `node ${JSON.stringify(nodeName)} can only delete pods with spec.nodeName set to itself`,
    );
}

function checkPodStatus({ nodeName, attributes }: NodeRequest): void {
  if (attributes.operation !== "UPDATE")
    throw refuse(attributes, `unexpected operation ${JSON.stringify(attributes.operation)}`);
  // The resource says that both are pods.
  const pod = attributes.object as AnyObject & Pod;
  const old = attributes.oldObject as AnyObject & Pod;
  const node = JSON.stringify(nodeName);
  if (old.spec.nodeName !== nodeName)
    throw refuse(
      attributes,
      `node ${node} can only update pod status for pods with spec.nodeName set to itself`,
    );
  if (!semanticallyEqual(pod.metadata.labels, old.metadata.labels))
    throw refuse(attributes, `node ${node} cannot update labels through pod status`);
  if (!semanticallyEqual(pod.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses))
    throw refuse(attributes, `node ${node} cannot update resource claim statues`);
  if (!semanticallyEqual(pod.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus))
    throw refuse(attributes, `node ${node} cannot update extended resource claim status`);
}

async function checkEviction({ nodeName, attributes, find }: NodeRequest): Promise<void> {
  if (attributes.operation !== "CREATE")
    throw refuse(attributes, `unexpected operation ${attributes.operation}`);
  // Binding and Eviction both carry the pod's name in their metadata.
  const body = attributes.object as (AnyObject & Partial<Binding>) | undefined;
  const name = attributes.name || (body?.metadata.name ?? "");
  if (name === "") throw refuse(attributes, "could not determine pod from request data");
  const pod = await find(attributes.namespace, name);
  if (pod !== undefined && pod.spec.nodeName !== nodeName)
    throw refuse(attributes, `node ${nodeName} can only evict pods with spec.nodeName set to itself`);
}

function checkClaim({ nodeName, attributes }: NodeRequest): void {
  if (attributes.subresource !== "status") throw refuse(attributes, `may only update PVC status`);
  if (attributes.operation !== "UPDATE")
    throw refuse(attributes, `unexpected operation ${JSON.stringify(attributes.operation)}`);
  // The resource says that both are claims.
  const claim = attributes.object as AnyObject & PersistentVolumeClaim;
  const old = attributes.oldObject as AnyObject & PersistentVolumeClaim;
  if (!semanticallyEqual(resizeFree(claim), resizeFree(old)))
    throw refuse(
      attributes,
      `node ${JSON.stringify(nodeName)} is not allowed to update fields other than status.quantity and status.conditions`,
    );
}

/** A claim without what a kubelet may change while it grows a volume. */
function resizeFree(claim: PersistentVolumeClaim): object {
  const { resourceVersion, managedFields, ...metadata } = claim.metadata;
  const { capacity, conditions, allocatedResources, allocatedResourceStatuses, ...status } =
    claim.status ?? {};
  return { ...claim, metadata, status };
}

function checkNode({ nodeName, attributes }: NodeRequest): void {
  const node = JSON.stringify(nodeName);
  const requested = attributes.name || (attributes.object?.metadata.name ?? "");
  if (requested !== nodeName)
    throw refuse(attributes, `node ${node} is not allowed to modify node ${JSON.stringify(requested)}`);
  if (attributes.operation === "CREATE") {
    // The resource says that it is a node.
    const { spec } = attributes.object as AnyObject & Node;
    if (spec?.configSource !== undefined)
      throw refuse(attributes, `node ${node} is not allowed to create pods with a non-nil configSource`);
    const labels = forbiddenLabels({}, attributes.object?.metadata.labels ?? {});
    if (labels.length > 0)
      throw refuse(
        attributes,
        `node ${node} is not allowed to set the following labels: ${labels.join(", ")}`,
      );
    return;
  }
  if (attributes.operation !== "UPDATE" || attributes.object === undefined) return;
  // The resource says that both are nodes.
  const next = attributes.object as AnyObject & Node;
  const old = attributes.oldObject as AnyObject & Node;
  const source = next.spec?.configSource;
  if (source !== undefined && !semanticallyEqual(source, old.spec?.configSource))
    throw refuse(
      attributes,
      `node ${node} is not allowed to update configSource to a new non-nil configSource`,
    );
  if (!semanticallyEqual(next.spec?.taints, old.spec?.taints))
    throw refuse(attributes, `node ${node} is not allowed to modify taints`);
  if (!semanticallyEqual(next.metadata.ownerReferences, old.metadata.ownerReferences))
    throw refuse(attributes, `node ${node} is not allowed to modify ownerReferences`);
  const labels = forbiddenLabels(old.metadata.labels ?? {}, next.metadata.labels ?? {});
  if (labels.length > 0) throw refuse(attributes, `is not allowed to modify labels: ${labels.join(", ")}`);
}

const kubeletLabels: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/arch",
  "kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
]);
const kubeletNamespaces = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/** Workloads are steered by labels: a node must not give itself those that mean more than what it is. */
function isForbiddenLabel(key: string): boolean {
  const slash = key.indexOf("/");
  const namespace = slash < 0 ? "" : key.slice(0, slash);
  if (isWithin(namespace, "node-restriction.kubernetes.io")) return true;
  if (kubeletLabels.has(key) || kubeletNamespaces.some((allowed) => isWithin(namespace, allowed)))
    return false;
  return isWithin(namespace, "kubernetes.io") || isWithin(namespace, "k8s.io");
}

function isWithin(namespace: string, domain: string): boolean {
  return namespace === domain || namespace.endsWith(`.${domain}`);
}

type Labels = Readonly<Record<string, string>>;

/** Labels that a node must not add, change or remove on itself. */
function forbiddenLabels(old: Labels, next: Labels): string[] {
  const keys = new Set([...Object.keys(old), ...Object.keys(next)]);
  return [...keys].filter((key) => old[key] !== next[key] && isForbiddenLabel(key)).sort();
}

function checkLease({ nodeName, attributes }: NodeRequest): void {
  if (attributes.namespace !== "kube-node-lease")
    throw refuse(attributes, 'can only access leases in the "kube-node-lease" system namespace');
  const name = attributes.operation === "CREATE" ? (attributes.object?.metadata.name ?? "") : attributes.name;
  if (name !== nodeName)
    throw refuse(attributes, "can only access node lease with the same name as the requesting node");
}

function checkCsiNode({ nodeName, attributes }: NodeRequest): void {
  const name = attributes.operation === "CREATE" ? (attributes.object?.metadata.name ?? "") : attributes.name;
  if (name !== nodeName)
    throw refuse(attributes, "can only access CSINode with the same name as the requesting node");
}

/** A node asks for certificates in its own name only. */
async function checkSigningRequest({ attributes, readSubject }: NodeRequest): Promise<void> {
  if (attributes.operation !== "CREATE" || attributes.subresource !== "") return;
  // The resource says that it is a signing request.
  const { signerName, request } = (attributes.object as AnyObject & CertificateSigningRequest).spec;
  if (signerName !== signers.kubeletServing && signerName !== signers.kubeletClient) return;
  let commonName: string;
  try {
    ({ commonName } = await readSubject(atob(request)));
  } catch (error) {
    throw refuse(attributes, `unable to parse csr: ${error instanceof Error ? error.message : "unreadable"}`);
  }
  if (commonName !== attributes.user.name)
    throw refuse(attributes, `can only create a node CSR with CN=${attributes.user.name}`);
}

function checkSlice({ nodeName, attributes }: NodeRequest): void {
  if (attributes.operation !== "CREATE" && attributes.operation !== "DELETE") return;
  const slice = attributes.operation === "CREATE" ? attributes.object : attributes.oldObject;
  if (slice === undefined) return;
  const { nodeName: wanted } = (slice.spec ?? {}) as { readonly nodeName?: string };
  if (wanted === nodeName) return;
  if (attributes.operation === "CREATE")
    throw refuse(attributes, "can only create ResourceSlice with the same NodeName as the requesting node");
  throw refuse(attributes, "can only delete ResourceSlice with the same NodeName as the requesting node");
}
