/** A running pod of a Deployment as an API server has it, managed fields and all: about 3 kB of JSON. */
export function podOf(index: number, version: number, mark = ""): object {
  const ip = `10.1.${index >> 8}.${index & 255}`;
  const time = `${new Date(Date.UTC(2026, 0, 1) + index * 7000).toISOString().slice(0, 19)}Z`;
  const owner = { name: `web-${index % 500}-6d4cf56db6`, uid: uidOf(index % 500) };
  const volume = `kube-api-access-${index.toString(36).padStart(5, "b")}`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `web-${index}`,
      namespace: `ns-${index % 50}`,
      uid: uidOf(1000 + index),
      resourceVersion: String(version),
      creationTimestamp: time,
      labels: { app: "web", "pod-template-hash": "6d4cf56db6", tier: "front" },
      annotations: { "example.com/mark": mark },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", ...owner, controller: true }],
      managedFields: [managed("kube-controller-manager", time, owner.uid), managed("kubelet", time, "")],
    },
    spec: {
      nodeName: `node-${index % 100}`,
      containers: [container(volume)],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      securityContext: {},
      schedulerName: "default-scheduler",
      tolerations: [toleration("not-ready"), toleration("unreachable")],
      volumes: [{ name: volume, projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
    },
    status: {
      phase: "Running",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        type,
        status: "True",
        lastProbeTime: null,
        lastTransitionTime: time,
      })),
      hostIP: "10.0.0.1",
      podIP: ip,
      podIPs: [{ ip }],
      startTime: time,
      containerStatuses: [
        {
          name: "web",
          state: { running: { startedAt: time } },
          lastState: {},
          ready: true,
          restartCount: 0,
          image: "nginx:1.27",
          imageID: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
          containerID: `containerd://${String(index).padStart(64, "0")}`,
          started: true,
        },
      ],
      qosClass: "Burstable",
    },
  };
}

/** As JSON. */
export const podText = (index: number, version: number) => JSON.stringify(podOf(index, version));

const uidOf = (index: number) => `7d0c5a1e-0000-4000-8000-${String(index).padStart(12, "0")}`;

const container = (volume: string) => ({
  name: "web",
  image: "nginx:1.27",
  ports: [{ containerPort: 80, protocol: "TCP" }],
  env: [{ name: "POD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
  volumeMounts: [
    { name: volume, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
  ],
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "IfNotPresent",
});

const toleration = (name: string) => ({
  key: `node.kubernetes.io/${name}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 300,
});

const managed = (manager: string, time: string, owner: string) => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  time,
  fieldsType: "FieldsV1",
  fieldsV1: {
    "f:metadata": {
      "f:labels": { ".": {}, "f:app": {}, "f:tier": {} },
      "f:ownerReferences": { ".": {}, [`k:{"uid":"${owner}"}`]: {} },
    },
    "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } } },
  },
});
