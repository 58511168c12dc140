import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { imageArchive, type OciImage } from "../../src/kubelet/images/oci-image.ts";
import { busyboxEntries, busyboxImage } from "./busybox.ts";
import { nginxImage } from "./nginx.ts";

/**
 * node examples/images/build.ts OUTDIR [busybox|nginx …]
 *
 * Builds the example images from this host's Debian packages, as archives for `k8ts images import`:
 * OUTDIR/busybox.tar (k8ts.local/busybox:1) and OUTDIR/nginx.tar (k8ts.local/nginx:1).
 * Needs: apt-get install busybox-static; nginx is downloaded with apt-get, not installed.
 */
const images: Readonly<Record<string, () => Promise<OciImage>>> = {
  busybox: () => busyboxImage(),
  nginx: () => nginxImage(busyboxEntries),
};

const [directory, ...wanted] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: node examples/images/build.ts OUTDIR [busybox|nginx …]");
  process.exit(1);
}
await mkdir(directory, { recursive: true });
for (const name of wanted.length === 0 ? Object.keys(images) : wanted) {
  const build = images[name];
  if (build === undefined)
    throw new Error(`no such image: ${name} (there are: ${Object.keys(images).join(", ")})`);
  const image = await build();
  const path = join(directory, `${name}.tar`);
  await writeFile(path, imageArchive([image]));
  console.log(`${path}  ${image.name}  ${image.manifest.digest}`);
}
