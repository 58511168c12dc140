/** Certificates put together from their parts, each as it should be unless said. */

export const element = (tag: number, ...parts: readonly (readonly number[])[]): readonly number[] => {
  const content = parts.flat();
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return [tag, ...length, ...content];
};
const text = (value: string) => [...new TextEncoder().encode(value)];

const algorithm = element(0x30, element(0x06, [0x2a]));
const key = element(0x30, algorithm, element(0x03, [0, 1]));
const name = element(0x30);
export const time = (value: string) => element(0x17, text(value));
const validity = element(0x30, time("260101000000Z"), time("270101000000Z"));
const signature = element(0x03, [0, 1]);
export const extension = element(0x30, element(0x06, [0x55, 0x1d]), element(0x04, [0]));

export interface CertificateParts {
  readonly version?: readonly number[];
  readonly serial?: readonly number[];
  readonly inner?: readonly number[];
  readonly issuer?: readonly number[];
  readonly validity?: readonly number[];
  readonly subject?: readonly number[];
  readonly key?: readonly number[];
  readonly extensions?: readonly number[];
  readonly outer?: readonly number[];
  readonly signature?: readonly number[];
  readonly after?: readonly number[];
}

export function certificate(parts: CertificateParts = {}): Uint8Array {
  const signed = element(
    0x30,
    parts.version ?? element(0xa0, element(0x02, [2])),
    parts.serial ?? element(0x02, [1]),
    parts.inner ?? algorithm,
    parts.issuer ?? name,
    parts.validity ?? validity,
    parts.subject ?? name,
    parts.key ?? key,
    parts.extensions ?? [],
  );
  return Uint8Array.from([
    ...element(0x30, signed, parts.outer ?? algorithm, parts.signature ?? signature),
    ...(parts.after ?? []),
  ]);
}
