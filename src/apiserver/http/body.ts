import type { Readable } from "node:stream";

/** As upstream: a larger object could not be stored. */
const maxBodyBytes = 3 * 1024 * 1024;

/** What bodies of requests under way may take together, in bytes. */
const maxHeldBytes = 256 * 1024 * 1024;
/** The same for those of clients that have shown no credentials: nobody can fill the memory without any. */
const maxStrangersBytes = 32 * 1024 * 1024;

/** Counts the bytes of the bodies that are held. */
export class BodyBudget {
  #held = 0;
  #strangers = 0;

  /** What one request holds, nothing yet. */
  open(isStranger: boolean): BodyShare {
    let own = 0;
    return {
      take: (bytes) => {
        own += bytes;
        this.#held += bytes;
        if (isStranger) this.#strangers += bytes;
        return this.#held <= maxHeldBytes && this.#strangers <= maxStrangersBytes;
      },
      release: () => {
        this.#held -= own;
        if (isStranger) this.#strangers -= own;
        own = 0;
      },
    };
  }
}

export interface BodyShare {
  /** False: there is no room for that much more. */
  take(bytes: number): boolean;
  release(): void;
}

export type BodyRefusal = "too large" | "no room";

/** The body as one piece, or why it is not read to its end as soon as that is known; undefined when the client broke off. */
export function readBody(
  stream: Readable,
  declaredLength: string | undefined,
  share?: BodyShare,
): Promise<Uint8Array | BodyRefusal | undefined> {
  if (declaredLength !== undefined && Number(declaredLength) > maxBodyBytes)
    return Promise.resolve("too large");
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let bytes = 0;
    const refuse = (why: BodyRefusal) => {
      stream.removeAllListeners("data");
      stream.pause();
      first = undefined;
      more = undefined;
      resolve(why);
    };
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBodyBytes) refuse("too large");
      else if (share?.take(chunk.length) === false) refuse("no room");
      else if (first === undefined) first = chunk;
      else if (more === undefined) more = [first, chunk];
      else more.push(chunk);
    });
    stream.once("end", () => resolve(more === undefined ? (first ?? empty) : Buffer.concat(more)));
    stream.once("error", () => resolve(undefined));
    stream.once("close", () => resolve(undefined));
  });
}

const empty = new Uint8Array();
