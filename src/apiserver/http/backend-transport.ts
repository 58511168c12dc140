import { request as requestHttps } from "node:https";
import { http } from "../../client/transport/node-http.ts";
import type { BackendTransport } from "../connect/backend.ts";
import { answerTo } from "./outgoing.ts";
import { type DialInProcess, type KubeletIdentity, tlsOptions } from "./upgrade.ts";

/** Carries logs and proxied requests to kubelets, pods and services. */
export function createBackendTransport(
  kubelet: KubeletIdentity | undefined,
  dialInProcess?: DialInProcess,
): BackendTransport {
  return {
    async request({ backend, method, target, headers, body }, { signal }) {
      const common = {
        host: backend.host,
        port: backend.port,
        method,
        path: target,
        headers: {
          ...(headers as Record<string, string | string[]>), // never changed here
          ...(body === undefined ? {} : { "content-length": body.length }),
        },
        signal,
        // A connection carries one answer: however loosely that is framed, no other can be mistaken for part of it.
        agent: false,
        // Lines that end in LF alone, as CGI programs write them, are lines to Go, too.
        insecureHTTPParser: true,
      };
      const inProcess = await dialInProcess?.(backend);
      if (inProcess !== undefined) {
        const { agent: _, ...direct } = common;
        return answerTo(http.request({ ...direct, createConnection: () => inProcess }), body);
      }
      const outgoing =
        backend.scheme === "https"
          ? requestHttps({ ...common, ...tlsOptions(backend, kubelet) })
          : http.request(common);
      return answerTo(outgoing, body);
    },
  };
}
