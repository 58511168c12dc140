/**
 * SPDY/3.1's frames (draft-mbelshe-httpbis-spdy-00): what kubectl and container runtimes multiplex exec, attach and
 * port-forward with. Encoding and parsing only; header blocks stay compressed here.
 */
export type Frame =
  | { readonly type: "data"; readonly streamId: number; readonly fin: boolean; readonly data: Uint8Array }
  | {
      readonly type: "synStream";
      readonly streamId: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      readonly headerBlock: Uint8Array;
    }
  | {
      readonly type: "synReply";
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Uint8Array;
    }
  | {
      readonly type: "headers";
      readonly streamId: number;
      readonly fin: boolean;
      readonly headerBlock: Uint8Array;
    }
  | { readonly type: "rstStream"; readonly streamId: number; readonly status: number }
  | { readonly type: "settings"; readonly initialWindowBytes: number | undefined }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goAway"; readonly lastStreamId: number; readonly status: number }
  | { readonly type: "windowUpdate"; readonly streamId: number; readonly delta: number };

/** RST_STREAM's status codes that are used here. */
export const rstStatus = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

/** The peer broke the protocol; the connection cannot go on. */
export class SpdyProtocolError extends Error {
  constructor(message: string) {
    super(`SPDY: ${message}`);
    this.name = "SpdyProtocolError";
  }
}

const version = 3;
const headBytes = 8;
const finFlag = 1;
const unidirectionalFlag = 2;
const initialWindowSetting = 7;
/** Nobody's header block or settings come near it; data frames may be as long as the format allows. */
const largestControlBytes = 64 * 1024;

const control = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
};

/** A data frame's head; the data follows it on the wire as it is. */
export function dataHead(streamId: number, byteLength: number, fin: boolean): Uint8Array {
  return head(streamId, fin ? finFlag : 0, byteLength);
}

export function encodeControl(frame: Exclude<Frame, { readonly type: "data" }>): Uint8Array {
  switch (frame.type) {
    case "synStream": {
      const flags = (frame.fin ? finFlag : 0) | (frame.unidirectional ? unidirectionalFlag : 0);
      // Stream, associated stream, priority and slot.
      return controlFrame(
        control.synStream,
        flags,
        [frame.streamId, 0],
        new Uint8Array(2),
        frame.headerBlock,
      );
    }
    case "synReply":
    case "headers":
      return controlFrame(control[frame.type], frame.fin ? finFlag : 0, [frame.streamId], frame.headerBlock);
    case "rstStream":
      return controlFrame(control.rstStream, 0, [frame.streamId, frame.status]);
    case "settings":
      return controlFrame(control.settings, 0, [1, initialWindowSetting, frame.initialWindowBytes ?? 0]);
    case "ping":
      return controlFrame(control.ping, 0, [frame.id]);
    case "goAway":
      return controlFrame(control.goAway, 0, [frame.lastStreamId, frame.status]);
    case "windowUpdate":
      return controlFrame(control.windowUpdate, 0, [frame.streamId, frame.delta]);
  }
}

function controlFrame(
  type: number,
  flags: number,
  words: readonly number[],
  ...rest: Uint8Array[]
): Uint8Array {
  const length = 4 * words.length + rest.reduce((total, part) => total + part.length, 0);
  const frame = new Uint8Array(headBytes + length);
  frame.set(head((0x8000 | version) * 0x10000 + type, flags, length));
  const view = new DataView(frame.buffer);
  words.forEach((word, index) => {
    view.setUint32(headBytes + 4 * index, word);
  });
  let offset = headBytes + 4 * words.length;
  for (const part of rest) {
    frame.set(part, offset);
    offset += part.length;
  }
  return frame;
}

function head(first: number, flags: number, length: number): Uint8Array {
  const bytes = new Uint8Array(headBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first);
  view.setUint32(4, length);
  view.setUint8(4, flags);
  return bytes;
}

/**
 * Cuts a flow of bytes into frames. A long data frame is handed on in pieces as they come, so that its size costs no
 * memory; only the last piece can carry its `fin`.
 */
export class FrameParser {
  #pending: Uint8Array = new Uint8Array(0);
  /** The data frame that is being passed through. */
  #data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined;

  *push(chunk: Uint8Array): Generator<Frame> {
    let rest = this.#pending.length === 0 ? chunk : joined(this.#pending, chunk);
    this.#pending = new Uint8Array(0);
    for (;;) {
      if (this.#data !== undefined) {
        const piece = rest.subarray(0, this.#data.left);
        rest = rest.subarray(piece.length);
        this.#data.left -= piece.length;
        const { streamId, fin, left } = this.#data;
        if (left === 0) this.#data = undefined;
        if (piece.length > 0 || left === 0)
          yield { type: "data", streamId, fin: fin && left === 0, data: piece };
        if (left > 0) return;
      }
      if (rest.length < headBytes) break;
      const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
      const first = view.getUint32(0);
      const flags = view.getUint8(4);
      const length = view.getUint32(4) & 0xffffff;
      if (first < 0x80000000) {
        this.#data = { streamId: first, fin: (flags & finFlag) !== 0, left: length };
        rest = rest.subarray(headBytes);
        continue;
      }
      if (length > largestControlBytes) throw new SpdyProtocolError(`control frame of ${length} bytes`);
      if (rest.length < headBytes + length) break;
      const frame = parseControl(first, flags, rest.subarray(headBytes, headBytes + length));
      rest = rest.subarray(headBytes + length);
      if (frame !== undefined) yield frame;
    }
    this.#pending = rest.length === 0 ? rest : rest.slice();
  }
}

function parseControl(first: number, flags: number, body: Uint8Array): Frame | undefined {
  if (((first >>> 16) & 0x7fff) !== version)
    throw new SpdyProtocolError(`version ${(first >>> 16) & 0x7fff}`);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const word = (index: number) => {
    if (body.length < 4 * index + 4) throw new SpdyProtocolError("control frame cut short");
    return view.getUint32(4 * index);
  };
  const id = (index: number) => word(index) & 0x7fffffff;
  const fin = (flags & finFlag) !== 0;
  switch (first & 0xffff) {
    case control.synStream:
      if (body.length < 10) throw new SpdyProtocolError("SYN_STREAM cut short");
      return {
        type: "synStream",
        streamId: id(0),
        fin,
        unidirectional: (flags & unidirectionalFlag) !== 0,
        headerBlock: body.slice(10),
      };
    case control.synReply:
      return { type: "synReply", streamId: id(0), fin, headerBlock: body.slice(4) };
    case control.headers:
      return { type: "headers", streamId: id(0), fin, headerBlock: body.slice(4) };
    case control.rstStream:
      return { type: "rstStream", streamId: id(0), status: word(1) };
    case control.settings:
      return { type: "settings", initialWindowBytes: initialWindow(word, word(0)) };
    case control.ping:
      return { type: "ping", id: word(0) };
    case control.goAway:
      return { type: "goAway", lastStreamId: id(0), status: word(1) };
    case control.windowUpdate:
      return { type: "windowUpdate", streamId: id(0), delta: id(1) };
    default:
      return undefined; // the protocol says to ignore what is not known
  }
}

function initialWindow(word: (index: number) => number, count: number): number | undefined {
  for (let entry = 0; entry < Math.min(count, 64); entry++)
    if ((word(1 + 2 * entry) & 0xffffff) === initialWindowSetting) return word(2 + 2 * entry);
  return undefined;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
