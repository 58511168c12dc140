import type { Storage } from "../../src/storage/storage.ts";
import { StoredValue } from "../../src/storage/storage.ts";
import { podText } from "../informer/pod.ts";

export const nodes = 1000;

/** A running pod with its managed fields, on one of a thousand nodes, as an object without a resourceVersion. */
function podOf(index: number): { metadata: { name: string; namespace: string } } & object {
  const pod = JSON.parse(podText(index, 1)) as {
    metadata: { name: string; namespace: string; resourceVersion?: string; managedFields: object[] };
    spec: { nodeName: string };
  };
  delete pod.metadata.resourceVersion;
  pod.metadata.managedFields.push(statusFields(`10.1.${index >> 8}.${index & 255}`));
  pod.spec.nodeName = `node-${index % nodes}`;
  return pod;
}

const condition = {
  ".": {},
  "f:lastProbeTime": {},
  "f:lastTransitionTime": {},
  "f:status": {},
  "f:type": {},
};

/** What a kubelet comes to own when it has written a pod's status. */
const statusFields = (ip: string) => ({
  manager: "kubelet",
  operation: "Update",
  apiVersion: "v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  subresource: "status",
  fieldsV1: {
    "f:status": {
      "f:conditions": Object.fromEntries(
        ["ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready"].map((type) => [
          `k:{"type":"${type}"}`,
          condition,
        ]),
      ),
      "f:containerStatuses": {},
      "f:hostIP": {},
      "f:phase": {},
      "f:podIP": {},
      "f:podIPs": { ".": {}, [`k:{"ip":"${ip}"}`]: { ".": {}, "f:ip": {} } },
      "f:startTime": {},
    },
  },
});

/** Writes the pods and their namespaces into a store, as an API server that has stopped left them. */
export async function seedPods(storage: Storage, count: number): Promise<void> {
  for (let index = 0; index < 50; index++) {
    const name = `ns-${index}`;
    const metadata = { name, uid: name, creationTimestamp: "2026-01-01T00:00:00Z" };
    const spec = { finalizers: ["kubernetes"] };
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata, spec, status: { phase: "Active" } };
    await put(storage, `/registry/core/namespaces/${name}`, namespace);
  }
  for (let index = 0; index < count; ) {
    const commits: Promise<unknown>[] = [];
    for (const end = Math.min(count, index + 500); index < end; index++) {
      const pod = podOf(index);
      const { namespace, name } = pod.metadata;
      commits.push(put(storage, `/registry/core/pods/${namespace}/${name}`, pod));
    }
    await Promise.all(commits);
  }
}

function put(storage: Storage, key: string, object: object): Promise<unknown> {
  const value = StoredValue.ofObject(object);
  return storage.commit({ compare: [], writes: [{ type: "put", key, value }] });
}
