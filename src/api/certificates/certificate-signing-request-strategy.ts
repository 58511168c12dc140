import type { Strategy } from "../definition.ts";
import type { CertificateSigningRequest } from "./types.generated.ts";

export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  generationFields: [],
};
