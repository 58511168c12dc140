import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { choosePort, requireNoKubelet } from "./preflight.ts";

test("A taken port is named with the remedy, a free one is taken, 0 finds one", async () => {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen({ host: "127.0.0.1", port: 0 }, () => resolve((server.address() as { port: number }).port)),
  );
  await assert.rejects(
    choosePort("127.0.0.1", port),
    /port \d+ is in use; stop what listens there, or choose another with --port/,
  );
  await assert.rejects(
    requireNoKubelet("127.0.0.1", port),
    /another cluster's kubelet runs on this machine; stop it/,
  );
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await choosePort("127.0.0.1", port), port);
  await requireNoKubelet("127.0.0.1", port);
  await requireNoKubelet("192.0.2.1", port);
  assert.ok((await choosePort("127.0.0.1", 0)) > 0);
});
