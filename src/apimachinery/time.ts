/** RFC 3339 as the API reads and writes it: metav1.Time and metav1.MicroTime. */

const pattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9})\d*)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * The same instant in UTC, in whole seconds or with six digits of them (`micro`). Undefined when the text is no
 * RFC 3339 time.
 */
export function canonicalTime(text: string, options: { readonly micro: boolean }): string | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, local = "", fraction = "", zone = ""] = match;
  const epochMs = Date.parse(`${local}${zone}`);
  if (Number.isNaN(epochMs)) return undefined;
  const utc = zone === "Z" ? local : new Date(epochMs).toISOString().slice(0, 19);
  return options.micro ? `${utc}.${fraction.slice(0, 6).padEnd(6, "0")}Z` : `${utc}Z`;
}
