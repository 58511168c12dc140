import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { ByteQueue } from "./byte-queue.ts";
import type { ByteSink, ByteSource } from "./byte-stream.ts";

/** A connection that carries bytes both ways: a socket, or a WebSocket whose binary messages are taken as one flow. */
export interface ByteChannel {
  readonly source: ByteSource;
  readonly sink: FrameSink;
  /** Ends it at once, in both directions. */
  destroy(): void;
}

export interface FrameSink extends ByteSink {
  /** A frame's head and its data, one after the other on the wire, without being joined where that costs a copy. */
  writeFrame(head: Uint8Array, data: Uint8Array): Promise<void>;
}

/** `head` is what the HTTP parser had already read past the upgrade. */
export function socketChannel(socket: Duplex, head: Uint8Array): ByteChannel {
  return { source: readSocket(socket, head), sink: socketSink(socket), destroy: () => socket.destroy() };
}

/** What is read ahead of the reader. */
const socketBufferBytes = 256 * 1024;

/**
 * Takes what comes as it comes, since a Node stream drops what waits in it once the connection is reset: the last output of
 * a process and its exit code may have come before that, while the reader was busy.
 */
function readSocket(socket: Duplex, head: Uint8Array): ByteSource {
  const incoming = new ByteQueue({ limitBytes: socketBufferBytes });
  incoming.push(head);
  socket.on("data", (chunk: Uint8Array) => {
    incoming.push(chunk);
    if (!incoming.full) return;
    socket.pause();
    incoming.drained().then(
      () => socket.resume(),
      () => {}, // never rejects
    );
  });
  socket.on("end", () => incoming.end());
  socket.on("error", (error) => incoming.fail(error));
  socket.on("close", () => incoming.fail(new Error("the connection was closed")));
  return incoming;
}

/** Writes to a Node stream at the pace it drains. */
function socketSink(socket: Duplex): FrameSink {
  const closed = () => socket.destroyed || socket.writableEnded;
  return {
    write(chunk) {
      if (closed()) return Promise.reject(new Error("the connection is closed"));
      return socket.write(chunk) ? done : drained(socket);
    },
    writeFrame(head, data) {
      if (closed()) return Promise.reject(new Error("the connection is closed"));
      socket.cork();
      socket.write(head);
      const mayGoOn = socket.write(data);
      socket.uncork();
      return mayGoOn ? done : drained(socket);
    },
    async close() {
      if (!closed()) socket.end();
    },
  };
}

const done = Promise.resolve();

function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off("drain", settle);
      socket.off("close", settle);
      if (socket.destroyed) reject(new Error("the connection is closed"));
      else resolve();
    };
    socket.on("drain", settle);
    socket.on("close", settle);
  });
}

const webSocketBufferBytes = 1024 * 1024;

/** The tunnel of KEP-4006: every binary message is a piece of the flow. */
export function webSocketChannel(socket: WebSocket): ByteChannel {
  const incoming = new ByteQueue({ limitBytes: webSocketBufferBytes });
  socket.on("message", (message: Buffer, isBinary: boolean) => {
    if (!isBinary) return;
    incoming.push(message);
    pauseWhileFull(socket, incoming);
  });
  socket.on("close", () => incoming.end());
  socket.on("error", (error) => incoming.fail(error));
  socket.resume();
  return {
    source: incoming,
    sink: {
      write: (chunk) => sendMessage(socket, chunk),
      writeFrame: (head, data) => sendMessage(socket, Buffer.concat([head, data])),
      close: async () => socket.close(1000),
    },
    destroy: () => {
      incoming.discard();
      socket.terminate();
    },
  };
}

/** Reads no more from a WebSocket until the queue has room. */
export function pauseWhileFull(socket: WebSocket, queue: ByteQueue): void {
  if (!queue.full || socket.isPaused) return;
  socket.pause();
  queue.drained().then(
    () => socket.resume(),
    () => {}, // never rejects
  );
}

/** What may wait in a WebSocket's own buffer before a writer waits too. */
const unsentBytes = 256 * 1024;

/** Sends a message; resolves when the next one may follow. */
export function sendMessage(socket: WebSocket, message: Uint8Array | string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.reject(new Error("the connection is closed"));
  if (socket.bufferedAmount < unsentBytes) {
    socket.send(message, () => {}); // a failure closes the socket, which is told there
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    socket.send(message, (error) => (error ? reject(error) : resolve()));
  });
}
