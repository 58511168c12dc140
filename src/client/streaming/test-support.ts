import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { ByteSink, ByteSource } from "./byte-stream.ts";
import { copy } from "./copy.ts";
import type { RunProcess } from "./remote-command.ts";
import type { UpgradeRequest } from "./upgrade.ts";

export interface TestServer extends AsyncDisposable {
  /** "http://127.0.0.1:PORT" */
  readonly url: string;
  readonly server: Server;
}

/** An HTTP server of a test that hands every upgrade to `serve`. */
export async function upgradeServer(serve: (upgrade: UpgradeRequest) => Promise<void>): Promise<TestServer> {
  const server = createServer((_request, response) => response.writeHead(404).end());
  const serving = new Set<Promise<void>>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const done = serve({ request, socket, head }).finally(() => serving.delete(done));
    serving.add(done);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await Promise.all(serving);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Collects what is written to it. */
export function textSink(): ByteSink & { readonly text: () => string; readonly closed: () => boolean } {
  const decoder = new TextDecoder();
  let text = "";
  let closed = false;
  return {
    text: () => text,
    closed: () => closed,
    async write(chunk) {
      text += decoder.decode(chunk, { stream: true });
    },
    async close() {
      closed = true;
    },
  };
}

export async function* textSource(...texts: readonly string[]): ByteSource {
  for (const text of texts) yield new TextEncoder().encode(text);
}

/** A process that gives its input back, says "done" on stderr and exits with the code 7. */
export const echoProcess: RunProcess = async ({ stdin, stdout, stderr }) => {
  if (stdin && stdout) await copy(stdin, stdout);
  await stderr?.write(new TextEncoder().encode("done"));
  return { exitCode: 7 };
};
