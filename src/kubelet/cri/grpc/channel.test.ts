import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openChannel } from "./channel.ts";
import { encode, message, string } from "./protobuf.ts";

const types = { request: message({ ask: string(1) }), response: message({ say: string(1) }) };

function framed(say: string): Buffer {
  const body = encode(types.response, { say });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Answers with one message and a status of 0. */
function answer(stream: ServerHttp2Stream, ...says: readonly string[]): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  for (const say of says) stream.write(framed(say));
  stream.end();
}

async function grpcServer(
  context: TestContext,
  handle: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
) {
  const directory = await mkdtemp(join(tmpdir(), "k8ts-grpc-"));
  const path = join(directory, "socket");
  const sessions = new Set<ServerHttp2Session>();
  let server: Http2Server | undefined;
  const start = () =>
    new Promise<void>((resolve) => {
      server = createServer();
      server.on("session", (session) => sessions.add(session));
      server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        stream.on("error", () => {}); // the client may cancel
        stream.resume();
        handle(stream, headers);
      });
      server.listen(path, resolve);
    });
  const stop = () =>
    new Promise<void>((resolve) => {
      server?.close(() => resolve());
      for (const session of sessions) session.destroy();
      sessions.clear();
    });
  await start();
  const channel = openChannel(path);
  context.after(async () => {
    await channel.close();
    await stop();
    await rm(directory, { recursive: true, force: true });
  });
  return { channel, start, stop };
}

test("a unary call carries the request and the response", async (context) => {
  const { channel } = await grpcServer(context, (stream) => answer(stream, "hello"));
  assert.deepEqual(await channel.unary("s.S/M", types, { ask: "?" }), { say: "hello" });
});

test("a status is told by its name, its message decoded", async (context) => {
  const { channel } = await grpcServer(context, (stream) =>
    stream.respond(
      { ":status": 200, "grpc-status": "5", "grpc-message": "no%20such%20pod" },
      { endStream: true },
    ),
  );
  await assert.rejects(channel.unary("s.S/M", types, {}), {
    name: "CriError",
    code: "NotFound",
    message: "no such pod",
  });
});

test("a server that does not answer in time is told as DeadlineExceeded", async (context) => {
  const { channel } = await grpcServer(context, () => {});
  await assert.rejects(channel.unary("s.S/M", types, {}, { timeoutMs: 20 }), { code: "DeadlineExceeded" });
});

test("the deadline is told to the server", async (context) => {
  let told: unknown;
  const { channel } = await grpcServer(context, (stream, headers) => {
    told = headers["grpc-timeout"];
    answer(stream, "ok");
  });
  await channel.unary("s.S/M", types, {}, { timeoutMs: 1234 });
  assert.equal(told, "1234m");
});

test("an aborted call rejects with the signal's reason and ends on the server", async (context) => {
  const closed = Promise.withResolvers<void>();
  const abort = new AbortController();
  const { channel } = await grpcServer(context, (stream) => {
    stream.on("close", closed.resolve);
    abort.abort(new Error("enough"));
  });
  await assert.rejects(channel.unary("s.S/M", types, {}, { signal: abort.signal }), /enough/);
  await closed.promise;
});

test("nobody at the socket is told as Unavailable, and the next call dials again", async (context) => {
  const { channel, start, stop } = await grpcServer(context, (stream) => answer(stream, "back"));
  await channel.unary("s.S/M", types, {});
  await stop();
  await assert.rejects(channel.unary("s.S/M", types, {}), { code: "Unavailable" });
  await start();
  assert.deepEqual(await channel.unary("s.S/M", types, {}), { say: "back" });
});

test("a connection that is lost under a call is told as Unavailable", async (context) => {
  const { channel } = await grpcServer(context, (stream) => stream.session?.destroy());
  await assert.rejects(channel.unary("s.S/M", types, {}), { code: "Unavailable" });
});

test("a server stream gives its messages in turn", async (context) => {
  const { channel } = await grpcServer(context, (stream) => answer(stream, "one", "two", "three"));
  const said: string[] = [];
  for await (const { say } of channel.serverStream("s.S/M", types, {}, {})) said.push(say);
  assert.deepEqual(said, ["one", "two", "three"]);
});

test("a message larger than 16 MiB is refused before it is held", async (context) => {
  const { channel } = await grpcServer(context, (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(17 * 1024 * 1024, 1);
    stream.write(head);
  });
  await assert.rejects(channel.unary("s.S/M", types, {}), { code: "ResourceExhausted" });
});

test("many calls share one connection", async (context) => {
  const sessions = new Set<unknown>();
  const { channel } = await grpcServer(context, (stream) => {
    sessions.add(stream.session);
    answer(stream, "ok");
  });
  await Promise.all(Array.from({ length: 50 }, () => channel.unary("s.S/M", types, {})));
  assert.equal(sessions.size, 1);
});
