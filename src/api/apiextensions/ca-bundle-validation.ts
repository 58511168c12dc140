import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { certificateFault } from "../../apimachinery/x509/certificate.ts";
import { decodeBase64Pem } from "../../apimachinery/x509/pem.ts";

/** Whether a bundle has a certificate to trust; upstream's words where it has none. */
export function caBundleErrors(path: string, base64: string): readonly FieldError[] {
  const problem = bundleProblem(base64);
  return problem === undefined
    ? []
    : [field.invalid(path, base64, `unable to load root certificates: ${problem}`)];
}

function bundleProblem(base64: string): string | undefined {
  const { blocks, rest } = decodeBase64Pem(base64);
  const faults = blocks
    .filter(({ type, hasHeaders }) => type === "CERTIFICATE" && !hasHeaders)
    .map(({ bytes }) => certificateFault(bytes));
  if (faults.includes(undefined)) return undefined;
  const [fault] = faults;
  if (fault !== undefined) return `failed to parse certificate: ${fault}`;
  return rest === "" ? "no valid certificate authority data seen" : "unable to parse bytes as PEM block";
}
