import type { Strategy } from "../definition.ts";
import {
  validateSigningRequest,
  validateSigningRequestApproval,
  validateSigningRequestStatus,
} from "./certificate-signing-request-validation.ts";
import type { CertificateSigningRequest } from "./types.generated.ts";

/** Who asks (spec.username, uid, groups, extra) is written by the API server, from the request. */
export const certificateSigningRequestStrategy: Strategy<CertificateSigningRequest> = {
  validate: validateSigningRequest,
  validateStatusUpdate: validateSigningRequestStatus,
  validateSubresourceUpdate: (_approval, object, old) => validateSigningRequestApproval(object, old),
  generationFields: [],
  defaults: (object) => ({ ...object, status: object.status ?? {} }),
  prepareForCreate: (object) => ({ ...object, status: {} }),
  prepareForUpdate: (object, old) => ({ ...object, spec: old.spec }),
};
