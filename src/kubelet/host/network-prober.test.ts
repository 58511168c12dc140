import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { after, before, test } from "node:test";
import type { HttpProbe } from "../probes/prober.ts";
import { networkProber } from "./network-prober.ts";

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://server");
  const location = searchParams.get("loc");
  if (pathname === "/circle") response.writeHead(302, { location: "/circle" }).end();
  else if (pathname === "/redirect" && location !== null)
    response.writeHead(302, { location }).end(`<a href="${location}">Found</a>.`);
  else if (pathname === "/never") request.resume();
  else response.writeHead(Number(searchParams.get("code") ?? 200)).end(`${pathname} ${request.headers.host}`);
});
let port = 0;

before(async () => {
  await new Promise<void>((done) => server.listen({ host: "127.0.0.1", port: 0 }, done));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

const probe = (path: string, headers: HttpProbe["headers"] = []): HttpProbe => {
  return { scheme: "http", host: "127.0.0.1", port, path, headers };
};
const to = (location: string) => `/redirect?loc=${encodeURIComponent(location)}`;

/** Holds this process up as long. */
function holdUp(milliseconds: number): void {
  const endMs = performance.now() + milliseconds;
  while (performance.now() < endMs);
}

for (const { name, path, outcome, output } of [
  {
    name: "is content with any answer from 200 to 299",
    path: "/ok?code=204",
    outcome: "success",
    output: /^$/,
  },
  { name: "takes a path without its slash", path: "ok", outcome: "success", output: /^\/ok / },
  { name: "fails from 400 on", path: "/x?code=503", outcome: "failure", output: /with statuscode: 503$/ },
  {
    name: "follows a redirect on the same host",
    path: to("/x?code=500"),
    outcome: "failure",
    output: /500$/,
  },
  { name: "gives up on a circle", path: "/circle", outcome: "failure", output: /stopped after 10 redirects/ },
  { name: "ends in time", path: "/never", outcome: "failure", output: /context deadline exceeded/ },
] as const) {
  test(`A probe over HTTP ${name}`, async () => {
    const answer = await networkProber.http(probe(path), 300);
    assert.equal(answer.outcome, outcome);
    assert.match(answer.output, output);
    assert.ok(answer.isWarning !== true);
  });
}

test("A probe over HTTP does not follow to another host: a success with a warning", async () => {
  const answer = await networkProber.http(probe(to("http://0.0.0.0/")), 1000);
  const output = 'Probe terminated redirects, Response body: <a href="http://0.0.0.0/">Found</a>.';
  assert.deepEqual(answer, { outcome: "success", isWarning: true, output });
});

test("A probe over HTTP shows the Host that it is told to", async () => {
  const answer = await networkProber.http(probe("/host", [{ name: "Host", value: "muffins.org" }]), 1000);
  assert.equal(answer.output, "/host muffins.org");
});

test("A probe's time does not run while the prober itself is held up", async () => {
  const tcp = createTcpServer((socket) => socket.destroy());
  await new Promise<void>((done) => tcp.listen({ host: "127.0.0.1", port: 0 }, done));
  const answers = Promise.all([
    networkProber.http(probe("/ok"), 100),
    networkProber.tcp("127.0.0.1", (tcp.address() as AddressInfo).port, 100),
  ]);
  holdUp(250);
  assert.deepEqual(
    (await answers).map(({ outcome }) => outcome),
    ["success", "success"],
  );
  tcp.close();
});
