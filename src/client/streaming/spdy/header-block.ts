import { createInflate } from "node:zlib";
import { SpdyProtocolError } from "./frames.ts";

/** Names in lower case; several values of one name are joined by NUL, as the protocol has it. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** A few short names: anything near these limits is an attack. */
const largestBlockBytes = 64 * 1024;
const mostHeaders = 128;

const dictionaryWords = [
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow",
  "authorization cache-control connection content-base content-encoding content-language content-length",
  "content-location content-md5 content-range content-type date etag expect expires from host if-match",
  "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma",
  "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade",
  "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie",
  "keep-alive origin",
];
const dictionaryTail = [
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505",
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden",
  "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable",
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT",
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,",
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
];

/** The text that both sides' zlib begins with: each word after its length, then a tail. */
function headerDictionary(): Buffer {
  const words = dictionaryWords.flatMap((line) => line.split(" ")).map((word) => word.replace("_", " "));
  const prefixed = words.flatMap((word) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(word.length);
    return [length, Buffer.from(word)];
  });
  return Buffer.concat([...prefixed, Buffer.from(dictionaryTail.join(""))]);
}

/**
 * Writes a connection's header blocks as one zlib flow of stored blocks: a stream is opened a few times in a connection's
 * life, so nothing is gained by deflating, and no state is kept.
 */
export class HeaderEncoder {
  #begun = false;

  encode(headers: SpdyHeaders): Uint8Array {
    const entries = Object.entries(headers);
    const parts = [word(entries.length)];
    for (const text of entries.flat()) {
      const content = Buffer.from(text);
      parts.push(word(content.length), content);
    }
    const plain = Buffer.concat(parts);
    if (plain.length > 0xffff) throw new SpdyProtocolError("headers too long");
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(plain.length ^ 0xffff, 3);
    // zlib's own head: deflate with a 32 kB window, no dictionary.
    const zlibHead = this.#begun ? [] : [Buffer.from([0x78, 0x01])];
    this.#begun = true;
    return Buffer.concat([...zlibHead, stored, plain, syncFlush]);
  }
}

/** An empty stored block, as a zlib that flushes writes it: Go's inflate hands its output on only when it meets one. */
const syncFlush = Buffer.from([0, 0, 0, 0xff, 0xff]);

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads a connection's header blocks, one after the other: the compression spans them all. */
export class HeaderDecoder {
  readonly #inflate = createInflate({ dictionary: headerDictionary() });
  #plain: Buffer[] = [];
  #plainBytes = 0;
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on("data", (chunk: Buffer) => {
      this.#plainBytes += chunk.length;
      if (this.#plainBytes > largestBlockBytes)
        this.#inflate.destroy(new SpdyProtocolError("headers too long"));
      else this.#plain.push(chunk);
    });
    this.#inflate.on("error", (error) => {
      this.#failure = error;
    });
  }

  async decode(block: Uint8Array): Promise<SpdyHeaders> {
    this.#plain = [];
    this.#plainBytes = 0;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#inflate.off("close", done);
        resolve();
      };
      this.#inflate.once("close", done);
      // Called back when the block has been inflated and handed over.
      this.#inflate.write(block, () => setImmediate(done));
    });
    if (this.#failure !== undefined) throw new SpdyProtocolError(`header block: ${this.#failure.message}`);
    return parsePlain(Buffer.concat(this.#plain));
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parsePlain(plain: Buffer): SpdyHeaders {
  let offset = 0;
  const number = () => {
    if (offset + 4 > plain.length) throw new SpdyProtocolError("header block cut short");
    offset += 4;
    return plain.readUInt32BE(offset - 4);
  };
  const text = () => {
    const length = number();
    if (offset + length > plain.length) throw new SpdyProtocolError("header block cut short");
    offset += length;
    return plain.toString("utf8", offset - length, offset);
  };
  const count = number();
  if (count > mostHeaders) throw new SpdyProtocolError(`${count} headers`);
  const headers: Record<string, string> = {};
  for (let index = 0; index < count; index++) {
    const name = text().toLowerCase();
    headers[name] = text();
  }
  return headers;
}
