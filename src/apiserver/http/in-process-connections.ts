import { type Duplex, duplexPair } from "node:stream";
import type { UserInfo } from "../../client/exchange.ts";
import { http } from "../../client/transport/node-http.ts";
import { handleUpgrade, type UpgradeOptions } from "./upgrade.ts";

/**
 * Connections of users in this process that are taken over (exec, attach, port-forward): a pair of streams instead of a socket,
 * over which a request to upgrade comes as it would over TLS. Gives the near end of one.
 */
export function inProcessConnections(options: Omit<UpgradeOptions, "context">): (user: UserInfo) => Duplex {
  const users = new WeakMap<Duplex, UserInfo>();
  const server = http.createServer();
  server.on("request", (_request, response) => {
    response.writeHead(426, { connection: "close", "content-type": "text/plain" });
    response.end("what is not upgraded is asked with the client");
  });
  server.on("upgrade", (message, socket, head) => {
    const user = users.get(socket);
    if (user === undefined) socket.destroy();
    else handleUpgrade(message, socket, head, { ...options, context: { user } });
  });
  return (user) => {
    const [near, far] = duplexPair();
    users.set(far, user);
    server.emit("connection", far);
    return near;
  };
}
