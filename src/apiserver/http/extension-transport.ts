import { type Agent, request as requestHttps } from "node:https";
import type {
  ExtensionRequest,
  ExtensionTarget,
  ExtensionTransport,
} from "../aggregation/extension-transport.ts";
import type { BackendResponse } from "../connect/backend.ts";
import { AgentPool } from "./agent-pool.ts";
import { answerTo } from "./outgoing.ts";

/**
 * Reaches extension API servers over HTTPS with the front proxy's certificate (PEM); without one they are told nothing of
 * who asks that they would believe. `close` ends its connections.
 */
export function createExtensionTransport(
  identity: { readonly certificate: string; readonly privateKey: string } | undefined,
): ExtensionTransport {
  const agents = new AgentPool();
  const agentFor = ({ serverName, authority, insecure }: ExtensionTarget): Agent =>
    agents.of(JSON.stringify([serverName, authority, insecure]), () => ({
      servername: serverName,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.privateKey }),
      rejectUnauthorized: !insecure,
      ...(authority === undefined ? {} : { ca: authority }),
    }));

  return {
    ...(identity === undefined ? {} : { identity }),
    async request(server, request, { signal, timeoutMs }) {
      const within =
        timeoutMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      const agent = agentFor(server);
      try {
        return await exchange(server, request, agent, within);
      } catch (error) {
        // The server closed a kept connection just when it was used again: nothing of the request was looked at.
        if (!(error instanceof StaleConnectionError) || !safeToRepeat.has(request.method)) throw error;
        return exchange(server, request, agent, within);
      }
    },
    close: () => agents.close(),
  };
}

const safeToRepeat: ReadonlySet<string> = new Set(["GET", "HEAD"]);

class StaleConnectionError extends Error {}

async function exchange(
  server: ExtensionTarget,
  { method, target, headers, body }: ExtensionRequest,
  agent: Agent,
  signal: AbortSignal,
): Promise<BackendResponse> {
  const outgoing = requestHttps({
    host: server.host,
    port: server.port,
    agent,
    method,
    path: target,
    headers: {
      ...(headers as Record<string, string | string[]>), // never changed here
      host: server.serverName,
      ...(body === undefined ? {} : { "content-length": String(body.length) }),
    },
    signal,
  });
  return answerTo(outgoing, body).catch((error: NodeJS.ErrnoException) => {
    const isStale = outgoing.reusedSocket && error.code === "ECONNRESET";
    throw isStale ? new StaleConnectionError(error.message, { cause: error }) : error;
  });
}
