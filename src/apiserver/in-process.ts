import type { ApiRequest, Transport, UserInfo } from "../client/exchange.ts";
import type { ApiServer } from "./api-server.ts";

/**
 * Reaches a server in the same process as this user. Requests and answers are handed over as they are: the objects a
 * client sees are the ones the server keeps, so neither side may change them.
 */
export function inProcessTransport(server: Pick<ApiServer, "handle">, user: UserInfo): Transport {
  const closing = new AbortController();
  const userAgent = programOf(user);
  return {
    async send(request) {
      closing.signal.throwIfAborted();
      // Only a request that stays open must hear of the transport's end; the others end by themselves.
      const lasting = request.method === "GET" && (request.query.has("watch") || request.query.has("follow"));
      const signal = lasting ? AbortSignal.any([request.signal, closing.signal]) : request.signal;
      if (lasting) return server.handle({ ...request, signal }, { user });
      return server.handle(request.method === "GET" ? request : signed(request, userAgent), { user });
    },
    async close() {
      closing.abort(new Error("the transport is closed"));
    },
  };
}

/** Writes say which program makes them: it comes to manage what it sets. */
function signed(request: ApiRequest, userAgent: string | undefined): ApiRequest {
  if (userAgent === undefined || request.headers["user-agent"] !== undefined) return request;
  return { ...request, headers: { ...request.headers, "user-agent": userAgent } };
}

const ownName = "system:apiserver";

/** As upstream's components call themselves; undefined: no component of the cluster. */
function programOf({ name }: UserInfo): string | undefined {
  if (name === ownName) return "kube-apiserver";
  if (name.startsWith("system:node:")) return "kubelet";
  return name.startsWith("system:") ? name.slice("system:".length) : undefined;
}
