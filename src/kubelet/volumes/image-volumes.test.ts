import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/core/types.generated.ts";
import { mountsImagesItself } from "../images/mount-image.ts";
import { statusOf, TestNode } from "../test-support/test-node.ts";

const withImage = (pullPolicy: string, more: object = {}): Partial<Pod["spec"]> => ({
  terminationGracePeriodSeconds: 0,
  volumes: [{ name: "v", image: { reference: "kitten:1", pullPolicy } }],
  containers: [{ name: "c", image: "app:1", volumeMounts: [{ name: "v", mountPath: "/volume", ...more }] }],
});

async function mountOf(node: TestNode, pod: Pod) {
  const id = statusOf(pod).containerID?.split("://")[1] ?? "";
  const { mounts } = await node.runtime.runtime.containerStatus(id);
  return mounts.find(({ containerPath }) => containerPath === "/volume");
}

test("Image Volume: the image is pulled by the volume's own policy, and the container's mount names it", async () => {
  await using node = await TestNode.start();
  await node.create("pod", withImage("Always", { subPath: "etc" }));
  const mount = await mountOf(node, await node.untilRunning("pod"));
  const image = await node.runtime.images.imageStatus("kitten:1");
  assert.equal(mount?.image, image?.id);
  assert.equal(mount?.imageSubPath, "etc");
  assert.equal(mount?.readonly, true);
  const events = await node.eventsOf("pod");
  assert.ok(events.includes('Pulling: Pulling image "kitten:1"'), events.join("\n"));
});

test("Image Volume: where the runtime mounts no images, the node shows it as a folder until the pod is gone", async () => {
  const mounted = new Map<string, string>();
  const imageMounts = {
    mount: async (image: string, directory: string) => void mounted.set(directory, image),
    unmount: async (directory: string) => void mounted.delete(directory),
  };
  await using node = await TestNode.start({ runtime: { imageMounts } });
  // A mount shows in its parent's listing.
  const { listDirectory } = node.host.files;
  node.host.files.listDirectory = async (path) => [
    ...(await listDirectory(path)),
    ...[...mounted.keys()].filter((at) => at.startsWith(`${path}/`)).map((at) => at.slice(path.length + 1)),
  ];
  await node.create("pod", withImage("IfNotPresent", { subPath: "etc" }));
  const mount = await mountOf(node, await node.untilRunning("pod"));
  const [[directory, image] = []] = mounted;
  assert.match(directory ?? "", /\/volumes\/kubernetes\.io~image\/v$/);
  assert.equal(image, (await node.runtime.images.imageStatus("kitten:1"))?.id);
  assert.equal(mount?.hostPath, `${directory}/etc`);
  assert.equal(mount?.image, undefined);
  assert.equal(mount?.readonly, true);
  await node.delete("pod");
  await node.until(() => mounted.size === 0, 60_000);
});

test("Image Volume: an image that cannot be pulled holds its container back under its own name", async () => {
  let refused = true;
  const pullBehavior = (image: string) =>
    refused && image.includes("kitten") ? { error: "no such image" } : {};
  await using node = await TestNode.start({ runtime: { pullBehavior } });
  await node.create("pod", withImage("Always"));
  const waiting = await node.untilPod(
    "pod",
    (pod) => statusOf(pod).state?.waiting?.reason === "ErrImagePull",
  );
  assert.match(statusOf(waiting).state?.waiting?.message ?? "", /no such image/);
  await node.untilPod("pod", (pod) => statusOf(pod).state?.waiting?.reason === "ImagePullBackOff");
  refused = false;
  await node.untilRunning("pod");
});

test("Image Volume: containerd takes images as mounts from 2.1", () => {
  const versions = ["1.6.20~ds1", "v1.7.24", "2.0.5", "2.1.9", "v2.2.0", "3.0.0"];
  assert.deepEqual(versions.map(mountsImagesItself), [false, false, false, true, true, true]);
});
