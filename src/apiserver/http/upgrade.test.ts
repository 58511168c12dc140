import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { createMemoryPki } from "../pki/ensure-pki.ts";
import { startTestListener, type TestListener } from "../test-support/listener.ts";
import { createBackendTransport } from "./backend-transport.ts";

/** A kubelet that answers what it was asked, and echoes what comes over an upgraded connection. */
const nodePki = await createMemoryPki({ nowMs: Date.now() });
const identity = { certificate: nodePki.kubeletClient.certificate, privateKey: nodePki.kubeletClient.key };
const kubelet = createHttpsServer({
  cert: nodePki.serving.certificate,
  key: nodePki.serving.key,
  ca: nodePki.clusterAuthority.certificate,
  requestCert: true,
  rejectUnauthorized: true,
});
kubelet.on("request", (request, response) => {
  const socket = request.socket as TLSSocket;
  if (request.url?.includes("/broken/") === true) {
    response.writeHead(400).end('container "c" in pod "broken" is waiting to start: ContainerCreating');
    return;
  }
  response.setHeader("x-kubelet", "yes");
  response.end(
    `${request.method} ${request.url} from ${socket.getPeerCertificate().subject.CN}, ${request.headers.authorization ?? "no token"}`,
  );
});
kubelet.on("upgrade", (request, socket) => {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\nx-target: ${request.url}\r\n\r\n`,
  );
  socket.pipe(socket);
});

/** What runs in a pod: a page, a redirect and an echo of the path. */
const web = createHttpServer((request, response) => {
  if (request.url === "/page") {
    response.setHeader("content-type", "text/html");
    response.end('<a href="/rewriteme">test</a>');
  } else if (request.url === "/moved") {
    response.writeHead(302, { location: "/there" }).end();
  } else response.end(`${request.method} ${request.url}`);
});

let server: TestListener;
before(async () => {
  await new Promise<void>((resolve) => kubelet.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  const { port } = kubelet.address() as AddressInfo;
  server = await startTestListener({
    kubelet: () => identity,
    dependencies: { backends: createBackendTransport(identity) },
  });
  await server.test.ok("POST", "/api/v1/nodes", {
    body: { apiVersion: "v1", kind: "Node", metadata: { name: "n" } },
  });
  await server.test.ok("PATCH", "/api/v1/nodes/n/status", {
    headers: { "content-type": "application/merge-patch+json" },
    body: {
      status: {
        addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    },
  });
  for (const name of ["p", "broken"])
    await server.test.ok("POST", "/api/v1/namespaces/default/pods", {
      body: {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name },
        spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] },
      },
    });
});
after(async () => {
  await server.close();
  web.closeAllConnections();
  web.close();
  kubelet.closeAllConnections();
  kubelet.close();
});

/** Sends an upgrade, then a word; resolves with the head of the answer and what came back of the word. */
function upgrade(target: string, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      {
        host: "127.0.0.1",
        port: server.listener.port,
        ca: server.pki.clusterAuthority.certificate,
        cert: server.pki.admin.certificate,
        key: server.pki.admin.key,
      },
      () =>
        socket.write(
          `POST ${target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer secret\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n${word}`,
        ),
    );
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.startsWith("HTTP/1.1 101") && text.endsWith(word)) socket.end();
    });
    socket.on("close", () => resolve(text));
    // The other side may break off what it will not read.
    socket.on("error", () => (text === "" ? reject(new Error("no answer")) : resolve(text)));
  });
}

const pod = "/api/v1/namespaces/default/pods/p";

for (const { name, target, passed } of [
  {
    name: "exec passes its command and streams",
    target: `${pod}/exec?command=sh&command=-c&stdin=true&stdout=true&stderr=false&tty=true`,
    passed: "/exec/default/p/c?input=1&output=1&tty=1&command=sh&command=-c",
  },
  {
    name: "attach asks for the streams named",
    target: `${pod}/attach?stdout=1&container=c`,
    passed: "/attach/default/p/c?output=1",
  },
  { name: "portforward names the pod", target: `${pod}/portforward`, passed: "/portForward/default/p" },
]) {
  test(`${name}, and bytes go both ways`, async () => {
    const answer = await upgrade(target, "hello over there");
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, new RegExp(`x-target: ${passed.replace(/[?+]/g, "\\$&")}\r\n`));
    assert.ok(answer.endsWith("hello over there"));
  });
}

test("an offer of SPDY with a plain request, as kubectl 1.22 makes after an exec, is passed over", async () => {
  const { status, text } = await server.send("GET", "/api/v1/namespaces/default/pods/p", {
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1" },
  });
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).metadata.name, "p");
});

test("an exec without a command, or into a container that is not there, is refused before the kubelet is asked", async () => {
  assert.match(
    await upgrade(`${pod}/exec?stdout=1`, ""),
    /^HTTP\/1\.1 400 [\s\S]*you must specify a command/,
  );
  assert.match(
    await upgrade(`${pod}/exec?stdout=1&command=a&container=x`, ""),
    /container x is not valid for pod p/,
  );
  assert.match(await upgrade("/api/v1/namespaces/default/pods/none/exec?command=a", ""), /^HTTP\/1\.1 404 /);
});

test("logs are streamed from the kubelet with the options that it knows", async () => {
  const answer = await server.send(
    "GET",
    `${pod}/log?follow=true&tailLines=5&timestamps=false&sinceSeconds=10`,
  );
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "text/plain");
  assert.equal(
    answer.text,
    "GET /containerLogs/default/p/c?follow=true&sinceSeconds=10&tailLines=5 from kube-apiserver-kubelet-client, no token",
  );
});

test("a log that the kubelet refuses is refused in its words", async () => {
  const answer = await server.send("GET", "/api/v1/namespaces/default/pods/broken/log");
  assert.equal(answer.status, 400);
  assert.equal(
    JSON.parse(answer.text).message,
    'container "c" in pod "broken" is waiting to start: ContainerCreating',
  );
});

test("nodes/proxy passes plain requests on, without the client's credentials", async () => {
  const answer = await server.send("GET", "/api/v1/nodes/n/proxy/stats/summary?only=cpu", {
    headers: { authorization: "Bearer secret" },
  });
  assert.equal(answer.headers["x-kubelet"], "yes");
  assert.equal(answer.text, "GET /stats/summary?only=cpu from kube-apiserver-kubelet-client, no token");
  const redirected = await server.send("GET", "/api/v1/nodes/n/proxy");
  assert.equal(redirected.status, 301);
  assert.equal(redirected.headers.location, "/api/v1/nodes/n/proxy/");
});

test("a plain request where an upgrade is needed is refused", async () => {
  const answer = await server.send("GET", `${pod}/exec?command=a&stdout=1`);
  assert.equal(answer.status, 400);
  assert.equal(JSON.parse(answer.text).message, "Upgrade request required");
});

test("pods and services are reached through the proxy, and pages stay inside it", async () => {
  const { port } = web.address() as AddressInfo;
  const merge = { "content-type": "application/merge-patch+json" };
  await server.test.ok("PATCH", `${pod}/status`, {
    headers: merge,
    body: { status: { podIP: "127.0.0.1" } },
  });
  const services = "/api/v1/namespaces/default/services";
  await server.test.ok("POST", services, {
    body: {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "s" },
      spec: { ports: [{ name: "web", port: 80 }] },
    },
  });
  const none = await server.send("GET", `${services}/s:web/proxy/`);
  assert.equal(none.status, 503);
  assert.equal(JSON.parse(none.text).message, 'no endpoints available for service "s"');
  await server.test.ok("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
    body: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "s-1", labels: { "kubernetes.io/service-name": "s" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.9"] }],
      ports: [{ name: "web", port }],
    },
  });
  const proxied = `${pod}:${port}/proxy`;
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
    assert.equal(
      (await server.send(method, `${proxied}/a/b?c=d`, method === "GET" ? {} : { body: "x" })).text,
      `${method} /a/b?c=d`,
    );
  assert.equal((await server.send("GET", `${proxied}/page`)).text, `<a href="${proxied}/rewriteme">test</a>`);
  assert.equal((await server.send("GET", `${proxied}/moved`)).headers.location, `${proxied}/there`);
});

test("Pods, logs from websockets", async () => {
  const socket = new WebSocket(
    `wss://127.0.0.1:${server.listener.port}${pod}/log?container=c`,
    ["binary.k8s.io"],
    {
      ca: server.pki.clusterAuthority.certificate,
      cert: server.pki.admin.certificate,
      key: server.pki.admin.key,
    },
  );
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    socket.on("message", (data: Buffer) => {
      received += data.toString();
    });
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
  });
  assert.equal(socket.protocol, "binary.k8s.io");
  assert.match(text, /^GET \/containerLogs\/default\/p\/c from /);
});
