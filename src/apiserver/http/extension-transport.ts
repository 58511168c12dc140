import { Agent, request as requestHttps } from "node:https";
import type {
  ExtensionRequest,
  ExtensionTarget,
  ExtensionTransport,
} from "../aggregation/extension-transport.ts";
import type { BackendResponse } from "../connect/backend.ts";
import { answerTo } from "./outgoing.ts";

/** Servers whose connections are kept. */
const maxAgents = 64;

/**
 * Reaches extension API servers over HTTPS with the front proxy's certificate (PEM); without one they are told nothing of
 * who asks that they would believe. `close` ends its connections.
 */
export function createExtensionTransport(
  identity: { readonly certificate: string; readonly privateKey: string } | undefined,
): ExtensionTransport {
  const agents = new Map<string, Agent>();

  const agentFor = (target: ExtensionTarget): Agent => {
    const key = JSON.stringify([target.serverName, target.authority, target.insecure]);
    let agent = agents.get(key);
    if (agent !== undefined) return agent;
    agent = new Agent({
      keepAlive: true,
      servername: target.serverName,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.privateKey }),
      rejectUnauthorized: !target.insecure,
      ...(target.authority === undefined ? {} : { ca: target.authority }),
    });
    const [oldest] = agents.keys();
    if (agents.size >= maxAgents && oldest !== undefined) {
      agents.get(oldest)?.destroy();
      agents.delete(oldest);
    }
    agents.set(key, agent);
    return agent;
  };

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
    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
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
