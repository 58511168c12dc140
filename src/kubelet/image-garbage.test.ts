import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { VirtualClock } from "../base/virtual-clock.ts";
import { createSimRuntime } from "./cri/sim/sim-runtime.ts";
import { ImageGarbageCollector } from "./image-garbage.ts";
import { memoryHost } from "./test-support/memory-host.ts";

const imageBytes = 5_000_000;

async function harness() {
  const clock = new VirtualClock();
  const images = ["old:1", "new:1", "used:1"];
  const { runtime, images: service, close } = createSimRuntime({ clock, random: seededRandom(1), images });
  const host = memoryHost();
  const collector = new ImageGarbageCollector({
    images: service,
    runtime,
    files: host.files,
    clock,
    logger: silentLogger,
  });
  const metadata = { name: "p", uid: "u", namespace: "n", attempt: 0 };
  const make = (async () => {
    const sandbox = await runtime.runPodSandbox({ metadata });
    for (const image of ["used:1", "new:1"]) {
      const config = { metadata: { name: image.slice(0, 3), attempt: 0 }, image };
      await runtime.createContainer(sandbox, config, { metadata });
    }
  })();
  await clock.advance(1000);
  await make;
  const fill = (usedPercent: number) => {
    const capacityBytes = 20 * imageBytes;
    const availableBytes = (capacityBytes * (100 - usedPercent)) / 100;
    host.usageNow = { ...host.usageNow, disk: { ...host.usageNow.disk, capacityBytes, availableBytes } };
  };
  const present = async () =>
    (await service.listImages()).map(({ repoTags }) => repoTags[0]?.replace("docker.io/library/", "")).sort();
  return { clock, collector, runtime, fill, present, close };
}

test("Images stay while the disk has room, and while they are young", async () => {
  const { collector, fill, present, clock, close } = await harness();
  fill(84);
  assert.equal(await collector.collect(), 0);
  fill(99);
  assert.ok((await collector.collect()) > 0, "nothing is old enough yet");
  assert.deepEqual(await present(), ["new:1", "old:1", "used:1"]);
  await clock.advance(1000);
  await close();
});

test("A full disk costs unused images, those unused for longest first, and no more than needed", async () => {
  const { collector, fill, present, clock, runtime, close } = await harness();
  await collector.collect();
  await clock.advance(200_000);
  await collector.collect();
  const [container] = (await runtime.listContainers()).filter(({ metadata }) => metadata.name === "new");
  await runtime.removeContainer(container?.id ?? "");
  // Down to 80 percent: one image is enough.
  fill(85);
  await clock.advance(200_000);
  const missing = await collector.collect();
  assert.deepEqual(await present(), ["new:1", "used:1"]);
  assert.equal(missing, 0);
  await close();
});
