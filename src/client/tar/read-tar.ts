import type { ByteSource } from "../streaming/byte-stream.ts";
import {
  blockBytes,
  decodeHeader,
  decodePax,
  paddingOf,
  type RawHeader,
  type TarEntry,
} from "./tar-header.ts";

/** An entry with what is in it: read it before the next entry is asked for; what is left is passed over. */
export interface TarMember extends TarEntry {
  readonly content: ByteSource;
}

/** Of what is said about the next entry. */
const longestExtensionBytes = 1024 * 1024;

/** The entries of an archive as they come. Throws where it is none, or ends too soon. */
export async function* readTar(archive: ByteSource): AsyncGenerator<TarMember> {
  const reader = new BlockReader(archive);
  let said: { path?: string; size?: string } = {};
  for (;;) {
    const block = await reader.take(blockBytes);
    // Some end without the blocks of zeros.
    if (block === undefined) return;
    const header = decodeHeader(block);
    if (header === undefined) {
      await reader.drain();
      return;
    }
    if ("xgLK".includes(header.flag)) {
      const text = await extension(reader, header);
      if (header.flag === "L") said = { ...said, path: new TextDecoder().decode(text).replace(/\0+$/, "") };
      if (header.flag === "x") said = { ...said, ...Object.fromEntries(decodePax(text)) };
      continue;
    }
    const entry = entryOf(header, said);
    said = {};
    const content = reader.next(entry.sizeBytes);
    yield { ...entry, content };
    for await (const _ of content); // the rest of it
    await reader.skip(paddingOf(entry.sizeBytes));
  }
}

async function extension(reader: BlockReader, { sizeBytes }: RawHeader): Promise<Uint8Array> {
  if (sizeBytes > longestExtensionBytes) throw new Error("a header of the tar archive is too long");
  const text = await reader.take(sizeBytes);
  await reader.skip(paddingOf(sizeBytes));
  return text ?? new Uint8Array(0);
}

function entryOf(header: RawHeader, said: { readonly path?: string; readonly size?: string }): TarEntry {
  const { flag, mode } = header;
  const path = said.path ?? header.path;
  const sizeBytes = said.size === undefined ? header.sizeBytes : Number(said.size);
  if (flag === "5" || (flag === "0" && path.endsWith("/")))
    return { path: path.replace(/\/+$/, ""), type: "directory", sizeBytes, mode };
  return { path, type: flag === "0" || flag === "7" ? "file" : "other", sizeBytes, mode };
}

/** Cuts bytes that come in any pieces as they are asked for. */
class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest = new Uint8Array(0);

  constructor(source: ByteSource) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** So many bytes; undefined where nothing comes any more. */
  async take(bytes: number): Promise<Uint8Array | undefined> {
    const taken = new Uint8Array(bytes);
    let filled = 0;
    for await (const chunk of this.next(bytes, { mayEnd: true })) {
      taken.set(chunk, filled);
      filled += chunk.length;
    }
    if (filled === bytes) return taken;
    if (filled === 0) return undefined;
    throw new Error("the tar archive ends too soon");
  }

  async skip(bytes: number): Promise<void> {
    for await (const _ of this.next(bytes));
  }

  async drain(): Promise<void> {
    while ((await this.#source.next()).done !== true);
  }

  /** The next so many bytes, in the pieces that they come in. It goes on where a reader of it left off. */
  next(bytes: number, { mayEnd = false } = {}): ByteSource {
    let left = bytes;
    const take = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      if (left === 0) return { done: true, value: undefined };
      if (this.#rest.length === 0) {
        const { done, value } = await this.#source.next();
        if (done === true) {
          if (mayEnd) return { done: true, value: undefined };
          throw new Error("the tar archive ends too soon");
        }
        this.#rest = new Uint8Array(value);
        if (value.length === 0) return take();
      }
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      return { done: false, value: chunk };
    };
    return { [Symbol.asyncIterator]: () => ({ next: take }) };
  }
}
