import { type Clock, sleep } from "../../../base/clock.ts";
import { canonicalImage } from "../../image-reference.ts";
import { CriError, ImagePullError } from "../cri-error.ts";
import type { Image, ImageMounts, ImageService } from "../runtime.ts";
import type { PullBehavior } from "./behavior.ts";

export interface SimImageOptions {
  readonly clock: Clock;
  /** Names that are there from the start. */
  readonly present: readonly string[];
  readonly mounts: ImageMounts | undefined;
  readonly pullMs: number;
  readonly pullBehavior: (image: string) => PullBehavior;
}

const imageBytes = 5_000_000;

/** The images of a simulated node: everything can be pulled unless its behaviour says otherwise. */
export class SimImages implements ImageService {
  readonly #options: SimImageOptions;
  readonly #byName = new Map<string, Image>();
  readonly mounts?: ImageMounts;

  constructor(options: SimImageOptions) {
    this.#options = options;
    if (options.mounts !== undefined) this.mounts = options.mounts;
    for (const name of options.present) this.#add(name);
  }

  async listImages(): Promise<readonly Image[]> {
    return [...new Set(this.#byName.values())];
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    return this.find(image);
  }

  /** By name, repo digest or id. */
  find(image: string): Image | undefined {
    const named = this.#byName.get(canonicalImage(image) ?? image);
    return (
      named ??
      [...this.#byName.values()].find(({ id, repoDigests }) => id === image || repoDigests.includes(image))
    );
  }

  async pullImage(image: string, options: { readonly signal?: AbortSignal } = {}): Promise<string> {
    if (canonicalImage(image) === undefined)
      throw new ImagePullError("InvalidImageName", "InvalidArgument", `invalid reference format: ${image}`);
    const { delayMs = this.#options.pullMs, error } = this.#options.pullBehavior(image);
    if (delayMs > 0) await sleep(this.#options.clock, delayMs, options);
    if (error !== undefined) throw new ImagePullError("ErrImagePull", "Unknown", error);
    return this.#add(image).id;
  }

  async removeImage(image: string): Promise<void> {
    const found = this.find(image);
    for (const [name, { id }] of this.#byName) if (id === found?.id) this.#byName.delete(name);
  }

  async imageFsInfo() {
    const usage = {
      timestampMs: this.#options.clock.now(),
      mountpoint: "/",
      usedBytes: this.#byName.size * imageBytes,
      inodesUsed: this.#byName.size * 100,
    };
    return { imageFilesystems: [usage], containerFilesystems: [usage] };
  }

  #add(name: string): Image {
    const canonical = canonicalImage(name);
    if (canonical === undefined) throw new CriError("InvalidArgument", `invalid reference format: ${name}`);
    const known = this.#byName.get(canonical);
    if (known !== undefined) return known;
    const digest = `sha256:${fakeDigest(canonical)}`;
    const [withoutDigest = canonical] = canonical.split("@");
    const repository = withoutDigest.replace(/:[^:/]+$/, "");
    const image: Image = {
      id: digest,
      repoTags: canonical.includes("@") ? [] : [canonical],
      repoDigests: [canonical.includes("@") ? canonical : `${repository}@${digest}`],
      sizeBytes: imageBytes,
      username: "",
      pinned: false,
    };
    this.#byName.set(canonical, image);
    return image;
  }
}

/** 64 hexadecimal digits that depend on the name alone (FNV-1a, eight times from different seeds). */
function fakeDigest(name: string): string {
  let digest = "";
  for (let seed = 0; seed < 8; seed++) {
    let hash = 0x811c9dc5 ^ seed;
    for (let index = 0; index < name.length; index++)
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
    digest += (hash >>> 0).toString(16).padStart(8, "0");
  }
  return digest;
}
