import type { AddressInfo, Server, Socket } from "node:net";
import type { TestContext } from "node:test";

/** Listens on a free port of this machine until the test ends, when all its connections end too. */
export async function listen(context: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
