import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { BackendResponse, BackendTransport } from "../connect/backend.ts";
import { type KubeletIdentity, tlsOptions } from "./upgrade.ts";

const connectTimeoutMs = 30_000;

/** Carries logs and proxied requests to kubelets, pods and services. */
export function createBackendTransport(kubelet: KubeletIdentity | undefined): BackendTransport {
  return {
    request({ backend, method, target, headers, body }, { signal }) {
      return new Promise<BackendResponse>((resolve, reject) => {
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
          agent: false,
        };
        const outgoing =
          backend.scheme === "https"
            ? requestHttps({ ...common, ...tlsOptions(backend, kubelet) })
            : requestHttp(common);
        const timer = setTimeout(() => outgoing.destroy(new Error("i/o timeout")), connectTimeoutMs);
        outgoing.once("error", (error) => {
          clearTimeout(timer);
          reject(error);
        });
        outgoing.once("response", (incoming) => {
          clearTimeout(timer);
          resolve({
            status: incoming.statusCode ?? 502,
            headers: incoming.headers as Readonly<Record<string, string | readonly string[]>>, // those that are there
            body: incoming,
          });
        });
        outgoing.end(body);
      });
    },
  };
}
