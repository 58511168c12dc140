import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { overBothTransports } from "./test-support/conformance-cluster.ts";

overBothTransports(
  "Pods and what they are made from",
  ({ api, named }) => {
    test("CSIInlineVolumes should support Pods with inline volumes: created, read, listed, patched and deleted, whatever becomes of the driver", async () => {
      const root = `${await api().namespace(named("inline-volumes"))}/pods`;
      const name = "pod-csi-inline-volumes";
      const body = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec: {
          volumes: [
            { name: "csi-inline-vol1", csi: { driver: "e2e.example.com" } },
            { name: "csi-inline-vol2", csi: { driver: "e2e.example.com", fsType: "ext4", readOnly: true } },
          ],
          containers: [
            {
              name,
              image: "busybox:1",
              command: ["sh", "-c", "ls /mnt/*"],
              volumeMounts: [
                { name: "csi-inline-vol1", mountPath: "/mnt/vol1" },
                { name: "csi-inline-vol2", mountPath: "/mnt/vol2" },
              ],
            },
          ],
        },
      };
      const created = await api().create(root, body);
      assert.equal((await api().refused("POST", root, { body })).code, 409);
      const read = await api().get(`${root}/${name}`);
      assert.equal(read.metadata.uid, created.metadata.uid);
      const { volumes } = read.spec as { volumes: { name: string; csi?: object }[] };
      assert.deepEqual(
        volumes.flatMap(({ csi }) => csi ?? []),
        body.spec.volumes.map(({ csi }) => csi),
      );
      assert.equal((await api().get<KubeList<AnyObject>>(root)).items.length, 1);
      const patched = await api().merge(`${root}/${name}`, {
        metadata: { annotations: { patched: "true" } },
      });
      assert.equal(patched.metadata.annotations?.patched, "true");
      await api().delete(`${root}/${name}`);
      const { status, object } = await api().send("GET", `${root}/${name}`);
      assert.ok(status === 404 || (object as AnyObject).metadata.deletionTimestamp !== undefined);
    });

    test("ConfigMap Update: what is written whole is what is read, and what is listed by its label", async () => {
      const root = `${await api().namespace(named("config-map-update"))}/configmaps`;
      const metadata = { name: "configmap-test", labels: { "configmap-static": "true" } };
      const created = await api().create(root, { apiVersion: "v1", kind: "ConfigMap", metadata });
      await api().update(`${root}/configmap-test`, { ...created, data: { data: "value" } });
      assert.deepEqual((await api().get(`${root}/configmap-test`)).data, { data: "value" });
      const list = await api().get<KubeList<AnyObject>>(root, { labelSelector: "configmap-static=true" });
      assert.deepEqual(
        list.items.map(({ data }) => data),
        [{ data: "value" }],
      );
    });
  },
  { nodes: 1 },
);
