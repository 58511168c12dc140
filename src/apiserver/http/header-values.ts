type HeaderValue = string | readonly string[] | number;

/** Headers as Node takes them: text beyond Latin-1 goes as its UTF-8 bytes, which is what other servers send. */
export function wireHeaders(
  headers: Readonly<Record<string, HeaderValue>>,
): Record<string, string | string[] | number> {
  // Nearly all are theirs already, and Node changes nothing of what it is given.
  for (const name in headers) if (!isOnWire(headers[name])) return translated(headers);
  return headers as Record<string, string | string[] | number>;
}

function isOnWire(value: HeaderValue | undefined): boolean {
  return typeof value === "number" || (typeof value === "string" && !beyondLatin1.test(value));
}

function translated(
  headers: Readonly<Record<string, HeaderValue>>,
): Record<string, string | string[] | number> {
  const wire: Record<string, string | string[] | number> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === "number") wire[name] = value;
    else if (typeof value === "string") wire[name] = wireText(value);
    else if (value !== undefined) wire[name] = value.map(wireText);
  }
  return wire;
}

const beyondLatin1 = /[\u0100-\uffff]/;

function wireText(text: string): string {
  return beyondLatin1.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}
