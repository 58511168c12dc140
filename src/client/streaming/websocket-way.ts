import type { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";

/**
 * How a WebSocket's connection is made, without a word of the library that opens it: who compiles against the package has no
 * types of that.
 */
export interface WebSocketWay {
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly tls?: Pick<ConnectionOptions, "ca" | "cert" | "key" | "rejectUnauthorized"> & {
    readonly servername?: string;
    readonly createConnection?: () => Duplex;
  };
}
