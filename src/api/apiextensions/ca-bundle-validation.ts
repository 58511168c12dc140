import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";

/** Whether a bundle has a certificate to trust; upstream's words where it has none. */
export function caBundleErrors(path: string, base64: string): readonly FieldError[] {
  const bytes = bytesOf(base64);
  const problem = bundleProblem(new TextDecoder().decode(bytes));
  return problem === undefined
    ? []
    : [field.invalid(path, bytes, `unable to load root certificates: ${problem}`)];
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return new Uint8Array();
  }
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t\r]*\n([^-]*)-----END \1-----[ \t\r]*\n?/g;

function bundleProblem(text: string): string | undefined {
  const certificates = [...text.matchAll(pemBlock)].filter(
    ([, type, body = ""]) => type === "CERTIFICATE" && !body.includes(":"),
  );
  const isMalformed = certificates.map(([, , body = ""]) => !isSequence(bytesOf(body.replace(/\s/g, ""))));
  if (isMalformed.includes(false)) return undefined;
  if (isMalformed.length > 0) return "failed to parse certificate: x509: malformed certificate";
  return text.replace(pemBlock, "") === ""
    ? "no valid certificate authority data seen"
    : "unable to parse bytes as PEM block";
}

/** Whether these are one whole DER sequence, as a certificate is: its first byte, its length, and nothing after it. */
function isSequence(bytes: Uint8Array): boolean {
  const [tag, first = 0] = bytes;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const length =
    first < 0x80 ? first : bytes.slice(2, 2 + lengthBytes).reduce((sum, at) => sum * 256 + at, 0);
  return tag === 0x30 && bytes.length === 2 + lengthBytes + length;
}
