import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Pod, Volume } from "../../api/core/types.generated.ts";
import { configMaps, secrets } from "../../api/resources.generated.ts";
import { TestNode } from "../test-support/test-node.ts";

let node: TestNode;
let count = 0;

before(async () => {
  node = await TestNode.start();
  const metadata = { name: "x", namespace: "default" };
  const data = { "data-1": "value-1", "data-2": "value-2" };
  const binaryData = { bytes: btoa("\u00de\u00ca\u00fe") };
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  await node.client.create(configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data, binaryData });
  await node.client.create(secrets, { apiVersion: "v1", kind: "Secret", metadata, data: encoded });
});

after(() => node[Symbol.asyncDispose]());

/** The files that a pod with this volume sees: "path mode text", sorted. */
async function filesOf(volume: Omit<Volume, "name">, spec: Partial<Pod["spec"]> = {}): Promise<string[]> {
  const name = `pod-${count++}`;
  const resources = { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "1250m", memory: "64Mi" } };
  await node.create(name, {
    volumes: [{ name, ...volume }],
    containers: [{ name: "c", image: "app:1", resources, volumeMounts: [{ name, mountPath: "/v" }] }],
    ...spec,
  });
  await node.untilRunning(name);
  const [, payload = new Map()] = [...node.host.volumes].find(([path]) => path.endsWith(`/${name}`)) ?? [];
  return [...payload]
    .map(([path, file]) => `${path} ${file.mode.toString(8)} ${new TextDecoder("latin1").decode(file.bytes)}`)
    .sort();
}

const mapped = [{ key: "data-1", path: "path/to/data" }];
const mappedMode = [{ key: "data-1", path: "path/to/data", mode: 0o400 }];
const all = (mode: string) => [`data-1 ${mode} value-1`, `data-2 ${mode} value-2`];
const withBytes = (mode: string) => [`bytes ${mode} \u00de\u00ca\u00fe`, ...all(mode)];

for (const { title, volume, want } of [
  {
    title: "ConfigMap Volume, without mapping",
    volume: { configMap: { name: "x" } },
    want: withBytes("644"),
  },
  {
    title: "ConfigMap Volume, text data, binary data",
    volume: { configMap: { name: "x" } },
    want: withBytes("644"),
  },
  {
    title: "ConfigMap Volume, without mapping, volume mode set",
    volume: { configMap: { name: "x", defaultMode: 0o400 } },
    want: withBytes("400"),
  },
  {
    title: "ConfigMap Volume, with mapping",
    volume: { configMap: { name: "x", items: mapped } },
    want: ["path/to/data 644 value-1"],
  },
  {
    title: "ConfigMap Volume, with mapping, volume mode set",
    volume: { configMap: { name: "x", items: mappedMode } },
    want: ["path/to/data 400 value-1"],
  },
  { title: "Secrets Volume, default", volume: { secret: { secretName: "x" } }, want: all("644") },
  {
    title: "Secrets Volume, volume mode 0400",
    volume: { secret: { secretName: "x", defaultMode: 0o400 } },
    want: all("400"),
  },
  {
    title: "Secrets Volume, mapping",
    volume: { secret: { secretName: "x", items: mapped } },
    want: ["path/to/data 644 value-1"],
  },
  {
    title: "Secrets Volume, mapping, volume mode 0400",
    volume: { secret: { secretName: "x", items: mappedMode } },
    want: ["path/to/data 400 value-1"],
  },
]) {
  test(`${title}: the volume shows the object's keys`, async () => {
    assert.deepEqual(await filesOf(volume), want);
  });
}

for (const { title, source, defaultMode, want } of [
  {
    title: "Projected Volume, ConfigMap, volume mode default",
    source: { configMap: { name: "x" } },
    defaultMode: undefined,
    want: withBytes("644"),
  },
  {
    title: "Projected Volume, ConfigMap, volume mode 0400",
    source: { configMap: { name: "x" } },
    defaultMode: 0o400,
    want: withBytes("400"),
  },
  {
    title: "Projected Volume, ConfigMap, mapped",
    source: { configMap: { name: "x", items: mapped } },
    defaultMode: undefined,
    want: ["path/to/data 644 value-1"],
  },
  {
    title: "Projected Volume, ConfigMap, mapped, volume mode 0400",
    source: { configMap: { name: "x", items: mappedMode } },
    defaultMode: undefined,
    want: ["path/to/data 400 value-1"],
  },
  {
    title: "Projected Volume, Secrets, volume mode default",
    source: { secret: { name: "x" } },
    defaultMode: undefined,
    want: all("644"),
  },
  {
    title: "Projected Volume, Secrets, volume mode 0400",
    source: { secret: { name: "x" } },
    defaultMode: 0o400,
    want: all("400"),
  },
  {
    title: "Projected Volume, Secrets, mapped",
    source: { secret: { name: "x", items: mapped } },
    defaultMode: undefined,
    want: ["path/to/data 644 value-1"],
  },
  {
    title: "Projected Volume, Secrets, mapped, volume mode 0400",
    source: { secret: { name: "x", items: mappedMode } },
    defaultMode: undefined,
    want: ["path/to/data 400 value-1"],
  },
]) {
  test(`${title}: the volume shows the object's keys`, async () => {
    const mode = defaultMode === undefined ? {} : { defaultMode };
    assert.deepEqual(await filesOf({ projected: { sources: [source], ...mode } }), want);
  });
}

const ofField = (fieldPath: string) => ({ path: "f", fieldRef: { fieldPath } });
const ofResource = (resource: string) => ({ path: "f", resourceFieldRef: { containerName: "c", resource } });
const noResources: Partial<Pod["spec"]> = { containers: [{ name: "c", image: "app:1" }] };

for (const kind of ["DownwardAPI volume", "Projected Volume, DownwardAPI"] as const) {
  const volumeOf = (items: readonly object[], mode = {}): Omit<Volume, "name"> =>
    kind === "DownwardAPI volume"
      ? { downwardAPI: { items: items as never, ...mode } }
      : { projected: { sources: [{ downwardAPI: { items: items as never } }], ...mode } };
  for (const { what, item, want, spec } of [
    { what: "CPU limits", item: ofResource("limits.cpu"), want: ["f 644 2"], spec: {} },
    { what: "CPU request", item: ofResource("requests.cpu"), want: ["f 644 1"], spec: {} },
    { what: "memory limits", item: ofResource("limits.memory"), want: ["f 644 67108864"], spec: {} },
    { what: "memory request", item: ofResource("requests.memory"), want: ["f 644 33554432"], spec: {} },
    {
      what:
        kind === "DownwardAPI volume" ? "CPU limit, default node allocatable" : "CPU limit, node allocatable",
      item: ofResource("limits.cpu"),
      want: ["f 644 8"],
      spec: noResources,
    },
    {
      what:
        kind === "DownwardAPI volume"
          ? "memory limit, default node allocatable"
          : "memory limit, node allocatable",
      item: ofResource("limits.memory"),
      want: [`f 644 ${32 * 2 ** 30}`],
      spec: noResources,
    },
  ]) {
    test(`${kind}, ${what}: rounded up, in whole units`, async () => {
      assert.deepEqual(await filesOf(volumeOf([item]), spec), want);
    });
  }
  test(`${kind}, pod name`, async () => {
    const want = [`f 644 pod-${count}`];
    assert.deepEqual(await filesOf(volumeOf([ofField("metadata.name")])), want);
  });
  test(`${kind}, volume mode 0400`, async () => {
    const want = [`f 400 pod-${count}`];
    assert.deepEqual(await filesOf(volumeOf([ofField("metadata.name")], { defaultMode: 0o400 })), want);
  });
}

test("DownwardAPI volume, file mode 0400", async () => {
  const want = [`f 400 pod-${count}`];
  const items = [{ ...ofField("metadata.name"), mode: 0o400 }];
  assert.deepEqual(await filesOf({ downwardAPI: { items } }), want);
});
