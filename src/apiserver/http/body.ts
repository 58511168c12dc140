import type { Readable } from "node:stream";

/** As upstream: a larger object could not be stored. */
const maxBodyBytes = 3 * 1024 * 1024;

/** The body as one piece; "too large" as soon as it is known to be; undefined when the client broke off. */
export function readBody(
  stream: Readable,
  declaredLength: string | undefined,
): Promise<Uint8Array | "too large" | undefined> {
  if (declaredLength !== undefined && Number(declaredLength) > maxBodyBytes)
    return Promise.resolve("too large");
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) {
        stream.removeAllListeners("data");
        stream.pause();
        resolve("too large");
      } else if (first === undefined) first = chunk;
      else if (more === undefined) more = [first, chunk];
      else more.push(chunk);
    });
    stream.once("end", () => resolve(more === undefined ? (first ?? empty) : Buffer.concat(more)));
    stream.once("error", () => resolve(undefined));
    stream.once("close", () => resolve(undefined));
  });
}

const empty = new Uint8Array();
