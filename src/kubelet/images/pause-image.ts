import { type Architecture, buildImage, type OciImage } from "./oci-image.ts";
import { pauseProgram } from "./pause-program.ts";

/** The name every tool expects of Kubernetes 1.36's sandbox image; what it holds is made here. */
export const pauseImageName = "registry.k8s.io/pause:3.10";

/** The sandbox image, for this machine unless told otherwise. */
export function pauseImage(architecture: Architecture = hostArchitecture()): OciImage {
  return buildImage({
    name: pauseImageName,
    architecture,
    // As upstream's: nobody's user, since nothing in it needs more.
    process: {
      entrypoint: ["/pause"],
      user: "65535:65535",
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    },
    layers: [[{ type: "file", path: "pause", mode: 0o755, content: pauseProgram(architecture) }]],
  });
}

/** This machine's architecture as images name it. */
export function hostArchitecture(): Architecture {
  if (process.arch === "x64") return "amd64";
  if (process.arch === "arm64") return "arm64";
  throw new Error(`k8ts has no sandbox image for ${process.arch}: x64 and arm64 are known`);
}
