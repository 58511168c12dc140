import assert from "node:assert/strict";
import type { Check } from "./fixture.ts";

/** Images: pulled, known, removed. */
export function imageChecks(check: Check): void {
  check("pulls an image, knows it by name and id, and removes it", async ({ images, pullableImage }) => {
    assert.equal(await images.imageStatus(pullableImage), undefined);
    const reference = await images.pullImage(pullableImage);
    const image = await images.imageStatus(pullableImage);
    assert.ok(image !== undefined && image.sizeBytes > 0);
    assert.equal((await images.imageStatus(reference))?.id, image.id);
    assert.ok((await images.listImages()).some(({ id }) => id === image.id));
    await images.removeImage(image.id);
    await images.removeImage(image.id);
    assert.equal(await images.imageStatus(pullableImage), undefined);
  });

  check("a pull that fails says so with ErrImagePull", async ({ images, unknownImage }) => {
    await assert.rejects(images.pullImage(unknownImage), { name: "ImagePullError", reason: "ErrImagePull" });
  });

  check("tells how full the image file system is", async ({ images }) => {
    const { imageFilesystems } = await images.imageFsInfo();
    assert.ok((imageFilesystems[0]?.mountpoint.length ?? 0) > 0);
  });
}
