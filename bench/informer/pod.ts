/** A running pod of a Deployment as an API server writes it, managed fields and all: about 3 kB. */
export function podText(index: number, version: number, mark = ""): string {
  const ip = `10.1.${index >> 8}.${index & 255}`;
  const time = "2026-01-01T00:00:00Z";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `web-${index}`,
      namespace: `ns-${index % 50}`,
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      resourceVersion: String(version),
      creationTimestamp: time,
      labels: { app: "web", "pod-template-hash": "6d4cf56db6", tier: "front" },
      annotations: { "example.com/mark": mark },
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-6d4cf56db6", uid: "1", controller: true },
      ],
      managedFields: [managed("kube-controller-manager"), managed("kubelet")],
    },
    spec: {
      nodeName: `node-${index % 100}`,
      containers: [container],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      securityContext: {},
      schedulerName: "default-scheduler",
      tolerations: [toleration("not-ready"), toleration("unreachable")],
      volumes: [{ name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
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
  });
}

const container = {
  name: "web",
  image: "nginx:1.27",
  ports: [{ containerPort: 80, protocol: "TCP" }],
  env: [{ name: "POD", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
  resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
  volumeMounts: [
    { name: "token", readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" },
  ],
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  imagePullPolicy: "IfNotPresent",
};

const toleration = (name: string) => ({
  key: `node.kubernetes.io/${name}`,
  operator: "Exists",
  effect: "NoExecute",
  tolerationSeconds: 300,
});

const managed = (manager: string) => ({
  manager,
  operation: "Update",
  apiVersion: "v1",
  time: "2026-01-01T00:00:00Z",
  fieldsType: "FieldsV1",
  fieldsV1: {
    "f:metadata": { "f:labels": { ".": {}, "f:app": {}, "f:tier": {} }, "f:ownerReferences": {} },
    "f:spec": { "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:image": {}, "f:name": {} } } },
  },
});
