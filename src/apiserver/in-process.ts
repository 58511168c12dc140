import type { Transport, UserInfo } from "../client/exchange.ts";
import type { ApiServer } from "./api-server.ts";

/**
 * Reaches a server in the same process as this user. Requests and answers are handed over as they are: the objects a
 * client sees are the ones the server keeps, so neither side may change them.
 */
export function inProcessTransport(server: Pick<ApiServer, "handle">, user: UserInfo): Transport {
  const closing = new AbortController();
  return {
    async send(request) {
      closing.signal.throwIfAborted();
      // Only a request that stays open must hear of the transport's end; the others end by themselves.
      const lasting = request.method === "GET" && (request.query.has("watch") || request.query.has("follow"));
      const signal = lasting ? AbortSignal.any([request.signal, closing.signal]) : request.signal;
      return server.handle(lasting ? { ...request, signal } : request, { user });
    },
    async close() {
      closing.abort(new Error("the transport is closed"));
    },
  };
}
