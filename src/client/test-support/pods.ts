import type { IncomingMessage } from "node:http";
import { serveRemoteCommand } from "../streaming/remote-command-server.ts";
import { echoProcess, upgradeServer } from "../streaming/test-support.ts";
import { bearerToken } from "../transport/credentials.ts";

/** A server whose pods run one program (see `echoProcess`), and the connection of a user who acts as another. */
export async function connectionTo() {
  const requests: IncomingMessage[] = [];
  const streams = { stdin: true, stdout: true, stderr: true, tty: false };
  const server = await upgradeServer((upgrade) => {
    requests.push(upgrade.request);
    return serveRemoteCommand(upgrade, streams, echoProcess);
  });
  const transport = {
    server: `${server.url}/prefix`,
    credentials: bearerToken("t"),
    headers: { "impersonate-user": "eve" },
  };
  return { connection: { transport }, requests, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
