import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Service } from "../api/core/types.generated.ts";
import { ContainerConfigError, containerEnvironment, type EnvironmentSources } from "./environment.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { containerNamed, podWith } from "./test-support/records.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const sources: EnvironmentSources = {
  downward: { nodeName: "node-1", podIps: ["10.1.0.2", "fd00::2"], hostIps: ["192.0.2.1"] },
  configMap: (name) =>
    name === "cm"
      ? { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { key: "from-map", B: "2" } }
      : undefined,
  secret: (name) =>
    name === "s"
      ? { apiVersion: "v1", kind: "Secret", metadata: { name }, data: { key: base64("from-secret") } }
      : undefined,
  resourceField: (container, resource, divisor) => `${container}/${resource}/${divisor}`,
  serviceVariables: { WEB_SERVICE_HOST: "10.96.0.5" },
};
const pod = podWith(
  { serviceAccountName: "sa" },
  {
    metadata: {
      name: "p",
      namespace: "n",
      uid: "u",
      labels: { b: "2", a: 'x"y' },
      annotations: { "k/k": "v" },
    },
  },
);

function environment(container: Partial<Container>): Record<string, string> {
  const pairs = containerEnvironment(pod, containerNamed("a", container), sources);
  return Object.fromEntries(pairs.map(({ name, value }) => [name, value]));
}

const rows: { name: string; env: Container["env"]; want: Record<string, string> }[] = [
  {
    name: "Environment variables, expansion: later ones see earlier ones",
    env: [
      { name: "X", value: "1" },
      { name: "Y", value: "$(X)-$(Z)" },
      { name: "Z", value: "3" },
    ],
    want: { X: "1", Y: "1-$(Z)", Z: "3" },
  },
  {
    name: "a service's variable can be referred to",
    env: [{ name: "URL", value: "http://$(WEB_SERVICE_HOST)" }],
    want: { URL: "http://10.96.0.5" },
  },
  {
    name: "DownwardAPI, environment for name, namespace and ip",
    env: [
      { name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "NS", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
    ],
    want: { N: "p", NS: "n", IP: "10.1.0.2" },
  },
  {
    name: "DownwardAPI, environment for host ip",
    env: [{ name: "H", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } }],
    want: { H: "192.0.2.1" },
  },
  {
    name: "DownwardAPI, environment for Pod UID",
    env: [{ name: "U", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } }],
    want: { U: "u" },
  },
  {
    name: "one label, one annotation, all pod addresses",
    env: [
      { name: "L", valueFrom: { fieldRef: { fieldPath: "metadata.labels['b']" } } },
      { name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.annotations['k/k']" } } },
      { name: "I", valueFrom: { fieldRef: { fieldPath: "status.podIPs" } } },
    ],
    want: { L: "2", A: "v", I: "10.1.0.2,fd00::2" },
  },
  {
    name: "DownwardAPI, environment for CPU and memory limits and requests",
    env: [{ name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } }],
    want: { C: "a/limits.cpu/1m" },
  },
  {
    name: "ConfigMap, from environment field",
    env: [{ name: "K", valueFrom: { configMapKeyRef: { name: "cm", key: "key" } } }],
    want: { K: "from-map" },
  },
  {
    name: "Secrets, pod environment field",
    env: [{ name: "K", valueFrom: { secretKeyRef: { name: "s", key: "key" } } }],
    want: { K: "from-secret" },
  },
  {
    name: "an optional key that is absent sets nothing",
    env: [{ name: "K", valueFrom: { secretKeyRef: { name: "none", key: "key", optional: true } } }],
    want: {},
  },
];
for (const { name, env, want } of rows) {
  test(name, () =>
    assert.deepEqual(environment({ env: env ?? [] }), { ...want, ...sources.serviceVariables }),
  );
}

test("ConfigMap, from environment variables; Secrets, pod environment from source: all keys, with a prefix", () => {
  const envFrom = [
    { configMapRef: { name: "cm" }, prefix: "p_" },
    { secretRef: { name: "s" } },
    { secretRef: { name: "none", optional: true } },
  ];
  assert.deepEqual(environment({ envFrom, env: [{ name: "p_B", value: "own" }] }), {
    p_key: "from-map",
    p_B: "own",
    key: "from-secret",
    ...sources.serviceVariables,
  });
});

for (const { env, message } of [
  { env: { configMapKeyRef: { name: "none", key: "k" } }, message: 'configmap "none" not found' },
  { env: { configMapKeyRef: { name: "cm", key: "k" } }, message: "couldn't find key k in ConfigMap n/cm" },
  { env: { secretKeyRef: { name: "none", key: "k" } }, message: 'secret "none" not found' },
  { env: { secretKeyRef: { name: "s", key: "k" } }, message: "couldn't find key k in Secret n/s" },
]) {
  test(`A missing source is refused: ${message}`, () => {
    const container = { env: [{ name: "K", valueFrom: env }] };
    assert.throws(
      () => environment(container),
      (error) => error instanceof ContainerConfigError && error.message === message,
    );
  });
}

const service = (name: string, namespace: string, clusterIP: string): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { clusterIP, ports: [{ name: "http", port: 80, protocol: "TCP" }] },
});

test("Environment variables, services: host, port and link forms for each service of the namespace", () => {
  const variables = serviceEnvironment(
    [service("my-web", "n", "10.96.0.5"), service("other", "m", "10.96.0.6"), service("none", "n", "None")],
    "n",
    true,
  );
  assert.deepEqual(variables, {
    MY_WEB_SERVICE_HOST: "10.96.0.5",
    MY_WEB_SERVICE_PORT: "80",
    MY_WEB_SERVICE_PORT_HTTP: "80",
    MY_WEB_PORT: "tcp://10.96.0.5:80",
    MY_WEB_PORT_80_TCP: "tcp://10.96.0.5:80",
    MY_WEB_PORT_80_TCP_PROTO: "tcp",
    MY_WEB_PORT_80_TCP_PORT: "80",
    MY_WEB_PORT_80_TCP_ADDR: "10.96.0.5",
  });
});

test("Without service links only the API server is told", () => {
  const services = [service("kubernetes", "default", "10.96.0.1"), service("web", "n", "10.96.0.5")];
  assert.deepEqual(
    Object.keys(serviceEnvironment(services, "n", false)).filter((name) => name.endsWith("_HOST")),
    ["KUBERNETES_SERVICE_HOST"],
  );
});
