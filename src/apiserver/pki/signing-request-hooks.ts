import * as field from "../../apimachinery/validation.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";
import type { StoreHooks } from "../registry/store-calls.ts";

/**
 * A new request is read and its signature checked: whoever asks must hold the key. It is done here, since signatures are verified
 * asynchronously; the library for it is loaded with the first request. What is asked never changes, so updates are not looked at.
 */
export const signingRequestHooks: StoreHooks = {
  async beginCreate(object) {
    const { request = "" } = (object.spec ?? {}) as { readonly request?: string }; // a CertificateSigningRequest
    const fault = await faultOf(request);
    const errors = fault === undefined ? [] : [field.invalid("spec.request", request, fault)];
    return { object, errors, finish() {} };
  },
};

async function faultOf(request: string): Promise<string | undefined> {
  // The kind's own validation tells what is no request at all.
  if (decodeBase64Pem(request).blocks[0]?.type !== "CERTIFICATE REQUEST") return undefined;
  const { parseSigningRequest } = await import("./signing-request.ts");
  try {
    await parseSigningRequest(new TextDecoder().decode(Uint8Array.fromBase64(request)));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
