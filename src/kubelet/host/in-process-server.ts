import { type Duplex, duplexPair } from "node:stream";
import { http } from "../../client/transport/node-http.ts";
import { type KubeletServices, serveKubelet } from "./server.ts";

/**
 * The kubelet's own API for callers of this process, who are believed: nothing listens, and a connection is a pair of streams. Gives
 * the near end of one.
 */
export function kubeletInProcess(services: Omit<KubeletServices, "access">): () => Duplex {
  const server = http.createServer();
  serveKubelet(server, services);
  return () => {
    const [near, far] = duplexPair();
    server.emit("connection", far);
    return near;
  };
}
