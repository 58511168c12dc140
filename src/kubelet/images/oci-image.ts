import { createHash } from "node:crypto";
import { type TarEntry, tarArchive } from "./tar.ts";

/** What an image says about the process it starts (OCI image-spec's config). */
export interface ImageProcess {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  /** "uid", "uid:gid" or a name in the image's /etc/passwd; root when absent. */
  readonly user?: string;
  /** "80/tcp". */
  readonly exposedPorts?: readonly string[];
  readonly stopSignal?: string;
}

export type Architecture = "amd64" | "arm64";

export interface ImageSource {
  /** The full name: "registry.k8s.io/pause:3.10". */
  readonly name: string;
  readonly architecture: Architecture;
  readonly process: ImageProcess;
  /** Bottom layer first. */
  readonly layers: readonly (readonly TarEntry[])[];
}

export interface Blob {
  readonly digest: string;
  readonly content: Uint8Array;
}

/** An image as content-addressed blobs: what an archive holds and a registry serves. */
export interface OciImage {
  readonly name: string;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

export const manifestMediaType = "application/vnd.oci.image.manifest.v1+json";
const indexMediaType = "application/vnd.oci.image.index.v1+json";
const configMediaType = "application/vnd.oci.image.config.v1+json";
/** Not compressed: repeatable whatever the zlib, and quicker to unpack from a local disk. */
const layerMediaType = "application/vnd.oci.image.layer.v1.tar";

/** Builds an image from its files. The same source gives the same digests. */
export function buildImage({ name, architecture, process, layers }: ImageSource): OciImage {
  const layerBlobs = layers.map((entries) => blob(tarArchive(entries)));
  const exposedPorts = Object.fromEntries((process.exposedPorts ?? []).map((port) => [port, {}]));
  const config = jsonBlob({
    architecture,
    os: "linux",
    config: {
      ...(process.entrypoint && { Entrypoint: process.entrypoint }),
      ...(process.command && { Cmd: process.command }),
      ...(process.env && { Env: process.env }),
      ...(process.workingDir && { WorkingDir: process.workingDir }),
      ...(process.user && { User: process.user }),
      ...(process.exposedPorts && { ExposedPorts: exposedPorts }),
      ...(process.stopSignal && { StopSignal: process.stopSignal }),
    },
    // An uncompressed layer's digest is its DiffID too.
    rootfs: { type: "layers", diff_ids: layerBlobs.map(({ digest }) => digest) },
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: manifestMediaType,
    config: descriptor(configMediaType, config),
    layers: layerBlobs.map((layer) => descriptor(layerMediaType, layer)),
  });
  return { name, manifest, config, layers: layerBlobs };
}

/** Images as one OCI layout archive, with the annotation that containerd takes the full name from. */
export function imageArchive(images: readonly OciImage[]): Uint8Array {
  const index = {
    schemaVersion: 2,
    mediaType: indexMediaType,
    manifests: images.map((image) => ({
      ...descriptor(manifestMediaType, image.manifest),
      annotations: {
        "io.containerd.image.name": image.name,
        "org.opencontainers.image.ref.name": tagOf(image.name),
      },
    })),
  };
  const blobs = new Map<string, Uint8Array>();
  for (const { manifest, config, layers } of images)
    for (const { digest, content } of [manifest, config, ...layers]) blobs.set(digest, content);
  return tarArchive([
    { type: "file", path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    { type: "file", path: "index.json", content: json(index) },
    { type: "directory", path: "blobs" },
    { type: "directory", path: "blobs/sha256" },
    ...[...blobs].map(
      ([digest, content]): TarEntry => ({ type: "file", path: `blobs/${digest.replace(":", "/")}`, content }),
    ),
  ]);
}

function tagOf(name: string): string {
  return /:([^:/@]+)$/.exec(name)?.[1] ?? "latest";
}

function blob(content: Uint8Array): Blob {
  return { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, content };
}

function jsonBlob(value: unknown): Blob {
  return blob(json(value));
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function descriptor(mediaType: string, { digest, content }: Blob) {
  return { mediaType, digest, size: content.length };
}
