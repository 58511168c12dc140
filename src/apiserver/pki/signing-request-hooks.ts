import type { AnyObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";
import { decodeBase64 } from "../../base/base64.ts";
import { lateChecks } from "../registry/late-checks.ts";

/**
 * A new request is read and its signature checked: whoever asks must hold the key. It is done here, since signatures are verified
 * asynchronously; the library for it is loaded with the first request.
 */
export const signingRequestHooks = lateChecks({
  contentOf: requestOf,
  async errorsOf(object) {
    const request = requestOf(object);
    const fault = await faultOf(request);
    return fault === undefined ? [] : [field.invalid("spec.request", request, fault)];
  },
});

function requestOf(object: AnyObject): string {
  return ((object.spec ?? {}) as { readonly request?: string }).request ?? ""; // a CertificateSigningRequest
}

async function faultOf(request: string): Promise<string | undefined> {
  // The kind's own validation tells what is no request at all.
  if (decodeBase64Pem(request).blocks[0]?.type !== "CERTIFICATE REQUEST") return undefined;
  const { parseSigningRequest } = await import("./signing-request.ts");
  try {
    await parseSigningRequest(new TextDecoder().decode(decodeBase64(request)));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
