import { CriError, ImagePullError, type ImagePullReason } from "../cri-error.ts";
import type { ImageService } from "../runtime.ts";
import type { GrpcCallOptions, GrpcChannel } from "./channel.ts";
import { toFilesystemUsage, toImage } from "./convert.ts";
import { podSandboxConfigMessage } from "./encode-config.ts";
import { imageMethods } from "./methods.ts";
import type { Decoded, Encodable } from "./protobuf.ts";

type Methods = typeof imageMethods;

/** `ImageService` over gRPC. */
export function imageClient(channel: GrpcChannel): ImageService {
  const call = <M extends keyof Methods>(
    method: M,
    request: Encodable<Methods[M]["request"]>,
    options?: GrpcCallOptions,
  ): Promise<Decoded<Methods[M]["response"]>> =>
    channel.unary(`runtime.v1.ImageService/${method}`, imageMethods[method], request, options);

  return {
    async listImages(options) {
      return (await call("ListImages", {}, options)).images.map(toImage);
    },
    async imageStatus(image, options) {
      try {
        const status = await call("ImageStatus", { image: { image } }, options);
        return status.image === undefined ? undefined : toImage(status.image);
      } catch (error) {
        if (error instanceof CriError && error.code === "NotFound") return undefined;
        throw error;
      }
    },
    async pullImage(image, options = {}) {
      const { auth, sandboxConfig, ...rest } = options;
      const request = {
        image: { image },
        auth,
        sandboxConfig: sandboxConfig && podSandboxConfigMessage(sandboxConfig),
      };
      try {
        // A pull takes as long as the registry; whoever waits brings the signal.
        return (await call("PullImage", request, { timeoutMs: 0, ...rest })).imageRef;
      } catch (error) {
        if (!(error instanceof CriError)) throw error;
        throw new ImagePullError(pullReason(error), error.code, error.message, { cause: error });
      }
    },
    async removeImage(image, options) {
      await call("RemoveImage", { image: { image } }, options);
    },
    async imageFsInfo(options) {
      const fs = await call("ImageFsInfo", {}, options);
      return {
        imageFilesystems: fs.imageFilesystems.map(toFilesystemUsage),
        containerFilesystems: fs.containerFilesystems.map(toFilesystemUsage),
      };
    },
  };
}

/** CRI runtimes tell these two by a word at the head of the message (cri-api's `pkg/errors`). */
function pullReason(error: CriError): ImagePullReason {
  if (error.message.startsWith("RegistryUnavailable")) return "RegistryUnavailable";
  if (error.message.startsWith("SignatureValidationFailed")) return "SignatureValidationFailed";
  if (error.message.includes("invalid reference format")) return "InvalidImageName";
  return "ErrImagePull";
}
