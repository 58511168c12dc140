/** Bytes as text and back. `Uint8Array.prototype.toBase64` and its like would do, but Node has them only from 25 on. */

/** Standard base64 to bytes; throws on what is not base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** With "-" and "_", and without padding: as it stands in URLs. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Throws on what is not base64 in that alphabet. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (/[^A-Za-z0-9_=-]/.test(text))
    throw new Error("found a character that cannot be part of a valid base64 string");
  return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/"));
}

/** Two lower-case digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
