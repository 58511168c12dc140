import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { type Duplex, finished } from "node:stream";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { socketChannel } from "./byte-channel.ts";
import { copy } from "./copy.ts";
import { servePortForward } from "./port-forward-server.ts";
import type { RunProcess } from "./remote-command.ts";
import { serveRemoteCommand } from "./remote-command-server.ts";
import { echoProcess } from "./test-support.ts";

/** kubectl itself against a server that knows one pod: the protocols as the real client speaks them. */

const run = promisify(execFile);
const missing = await run("kubectl", ["version", "--client"]).then(
  () => false as const,
  () => "kubectl is not installed",
);

const pod = {
  kind: "Pod",
  apiVersion: "v1",
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "main", image: "x", stdin: true, tty: false }] },
  status: { phase: "Running" },
};

/** What kubectl asks for before it upgrades. */
const documents: Readonly<Record<string, object>> = {
  "/api": { kind: "APIVersions", versions: ["v1"] },
  "/apis": { kind: "APIGroupList", apiVersion: "v1", groups: [] },
  "/api/v1": {
    kind: "APIResourceList",
    groupVersion: "v1",
    resources: [{ name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get"] }],
  },
  "/api/v1/namespaces/default/pods/web": pod,
};

/** Serves the pod's upgrades; `refuse` names an upgrade that this server does not know, as older ones do not. */
async function podServer(context: TestContext, process: RunProcess, refuse?: string) {
  const upgrades: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://host");
    const found = documents[pathname];
    response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? {}));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://host");
    const protocol = request.headers["sec-websocket-protocol"] ?? request.headers.upgrade ?? "";
    upgrades.push(protocol);
    if (refuse !== undefined && request.headers.upgrade?.toLowerCase() === refuse) {
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    const upgrade = { request, socket, head };
    const wants = (name: string) => searchParams.get(name) === "true";
    const serving = pathname.endsWith("/portforward")
      ? servePortForward(upgrade, async (port, { source, sink }) => {
          const local = connect(port, "127.0.0.1");
          await Promise.race([
            once(local, "connect"),
            once(local, "error").then(([error]) => Promise.reject(error)),
          ]);
          const channel = socketChannel(local, Buffer.alloc(0));
          await Promise.all([copy(source, channel.sink), copy(channel.source, sink)]);
        })
      : serveRemoteCommand(
          upgrade,
          { stdin: wants("stdin"), stdout: wants("stdout"), stderr: wants("stderr"), tty: wants("tty") },
          process,
        );
    serving.catch((error) => assert.fail(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const flags = ["--server", `http://127.0.0.1:${port}`, "--cache-dir", `${tmpdir()}/k8ts-kubectl-cache`];
  return { flags, upgrades, env: { ...globalThis.process.env, KUBECONFIG: "/dev/null" } };
}

async function kubectl(
  server: { readonly flags: readonly string[]; readonly env: NodeJS.ProcessEnv },
  args: readonly string[],
  input: Uint8Array | string = "",
) {
  const child = spawn("kubectl", [...server.flags, ...args], { env: server.env });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  finished(child.stdin, () => {}); // it may end before it has read all
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code, ...output };
}

for (const { name, refuse, wire } of [
  { name: "its WebSocket", refuse: undefined, wire: /v5\.channel\.k8s\.io/ },
  { name: "SPDY when there is no WebSocket", refuse: "websocket", wire: /SPDY\/3\.1/ },
]) {
  test(`kubectl exec over ${name} gives the output and the exit code`, { skip: missing }, async (context) => {
    const server = await podServer(context, echoProcess, refuse);
    const { code, stdout, stderr } = await kubectl(server, ["exec", "-i", "web", "--", "cat"], "to and fro");
    assert.match(stderr, /^done.*exit code 7/s);
    assert.deepEqual([code, stdout], [7, "to and fro"]);
    assert.match(server.upgrades.at(-1) ?? "", wire);
  });

  test(`kubectl exec over ${name} carries megabytes each way`, { skip: missing }, async (context) => {
    const server = await podServer(
      context,
      async ({ stdin, stdout }) => {
        if (stdin && stdout) await copy(stdin, stdout);
        return { exitCode: 0 };
      },
      refuse,
    );
    const input = "0123456789abcdef".repeat(512 * 1024);
    const { code, stdout } = await kubectl(server, ["exec", "-i", "web", "--", "cat"], input);
    assert.equal(code, 0);
    assert.ok(stdout === input, `${stdout.length} characters came back of ${input.length}`);
  });

  test(`kubectl exec over ${name} says why it failed`, { skip: missing }, async (context) => {
    const server = await podServer(context, () => Promise.reject(new Error("container not running")), refuse);
    const { code, stderr } = await kubectl(server, ["exec", "web", "--", "true"]);
    assert.equal(code, 1);
    assert.match(stderr, /container not running/);
  });

  test(`kubectl attach over ${name} ends when the process does`, { skip: missing }, async (context) => {
    const server = await podServer(
      context,
      async ({ stdout }) => {
        await stdout?.write(Buffer.from("attached\n"));
      },
      refuse,
    );
    const { code, stdout } = await kubectl(server, ["attach", "web"]);
    assert.deepEqual([code, stdout], [0, "attached\n"]);
  });

  test(`kubectl port-forward over ${name} carries connections to a port`, {
    skip: missing,
  }, async (context) => {
    const server = await podServer(context, echoProcess, refuse);
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    context.after(() => echo.close());
    const { port } = echo.address() as AddressInfo; // it listens on TCP
    const child = spawn("kubectl", [...server.flags, "port-forward", "web", `:${port}`], { env: server.env });
    context.after(() => child.kill());
    // Its output stays open: it writes a line for each connection.
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer) => {
        said += chunk;
        if (/127\.0\.0\.1:\d+ ->/.test(said)) resolve();
      };
      child.stdout.on("data", listen);
      child.stderr.on("data", listen);
      child.once("close", () => reject(new Error(said)));
    });
    const local = Number(/127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]);
    const exchange = async (text: string) => {
      const socket = connect({ port: local, host: "127.0.0.1", allowHalfOpen: true });
      socket.end(text);
      let answer = "";
      for await (const chunk of socket) answer += chunk;
      return answer;
    };
    const long = "x".repeat(1024 * 1024);
    const answers = await Promise.all([exchange("one"), exchange("two"), exchange(long)]);
    assert.deepEqual(
      answers.map((answer) => answer.length),
      [3, 3, long.length],
    );
    assert.match(server.upgrades.at(-1) ?? "", refuse === undefined ? /SPDY\/3\.1\+portforward/ : wire);
  });
}
