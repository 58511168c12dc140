import { type Reply, unlessFailed } from "./reply.ts";

/** Where the chunks of a long answer go: the connection, or what stands before it. */
export type Sink = Pick<Reply, "write" | "drained" | "closed"> & { end(): void };

/**
 * Compresses on its way to the client what is written to it, on another thread, no faster than the client takes it. Level 1 is
 * what upstream uses.
 */
export async function gzipSink(reply: Reply): Promise<Sink> {
  const { createGzip } = await import("node:zlib");
  const gzip = createGzip({ level: 1, chunkSize: 64 * 1024 });
  gzip.on("data", (bytes: Buffer) => {
    if (reply.closed) gzip.destroy();
    else if (!reply.write(bytes)) {
      gzip.pause();
      void reply.drained().then(() => {
        if (reply.closed) gzip.destroy();
        else gzip.resume();
      });
    }
  });
  gzip.on("end", () => reply.end());
  gzip.on("error", () => reply.destroy());
  return {
    write: (bytes, written) =>
      written === undefined ? gzip.write(bytes) : gzip.write(bytes, unlessFailed(written)),
    drained: () =>
      new Promise((resolve) => {
        if (gzip.destroyed || !gzip.writableNeedDrain) return resolve();
        const settle = () => {
          gzip.off("drain", settle);
          gzip.off("close", settle);
          resolve();
        };
        gzip.on("drain", settle);
        gzip.on("close", settle);
      }),
    end: () => gzip.end(),
    get closed() {
      return reply.closed || gzip.destroyed;
    },
  };
}
