import type { TerminalSize } from "./byte-stream.ts";

/**
 * The `channel.k8s.io` WebSocket subprotocols: several streams in one WebSocket, a message's first byte naming its
 * channel. v4 tells the end as a Status on the error channel; v5 adds a close message, so that the end of standard input
 * can be told; the base64 variants carry text.
 */
export const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

export interface ChannelProtocol {
  readonly name: string;
  /** Messages are text: a digit and base64. */
  readonly base64: boolean;
  /** The error channel carries a Status, not plain text. */
  readonly status: boolean;
  /** A message on channel 255 ends the channel that it names. */
  readonly closeChannel: boolean;
}

const binary = { base64: false, status: false, closeChannel: false };

/** The subprotocols of exec and attach; the empty name is a client that asks for none. */
export const remoteCommandProtocols: readonly ChannelProtocol[] = [
  { ...binary, name: "v5.channel.k8s.io", status: true, closeChannel: true },
  { ...binary, name: "v4.channel.k8s.io", status: true },
  { ...binary, name: "v4.base64.channel.k8s.io", base64: true, status: true },
  { ...binary, name: "channel.k8s.io" },
  { ...binary, name: "base64.channel.k8s.io", base64: true },
  { ...binary, name: "" },
];

/** The first that the client offers and this side knows; none offered is a protocol too. */
export function chooseProtocol(
  offered: Iterable<string>,
  known: readonly ChannelProtocol[],
): ChannelProtocol | undefined {
  const names = [...offered];
  for (const name of names.length === 0 ? [""] : names) {
    const protocol = known.find((candidate) => candidate.name === name);
    if (protocol !== undefined) return protocol;
  }
  return undefined;
}

export function encodeMessage(
  protocol: ChannelProtocol,
  channel: number,
  data: Uint8Array,
): Uint8Array | string {
  if (protocol.base64)
    return `${channel}${Buffer.from(data.buffer, data.byteOffset, data.length).toString("base64")}`;
  const message = Buffer.allocUnsafe(data.length + 1);
  message[0] = channel;
  message.set(data, 1);
  return message;
}

export interface ChannelMessage {
  readonly channel: number;
  readonly data: Uint8Array;
}

/** Undefined for a message that is no channel's: an empty one. */
export function decodeMessage(protocol: ChannelProtocol, message: Buffer): ChannelMessage | undefined {
  const [first] = message;
  if (first === undefined) return undefined;
  if (!protocol.base64) return { channel: first, data: message.subarray(1) };
  return { channel: first - 0x30, data: Buffer.from(message.toString("latin1", 1), "base64") };
}

const longestSize = 1024;

/** Reads terminal sizes from a flow of JSON objects, however it is cut; what is no size is passed over. */
export async function* terminalSizes(source: AsyncIterable<Uint8Array>): AsyncGenerator<TerminalSize> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of source) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
      const size = parseSize(text.slice(0, end + 1));
      text = text.slice(end + 1);
      if (size !== undefined) yield size;
    }
    if (text.length > longestSize) return;
  }
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text);
    return Number.isInteger(width) && Number.isInteger(height) ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

export function encodeSize({ width, height }: TerminalSize): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ Width: width, Height: height }));
}
