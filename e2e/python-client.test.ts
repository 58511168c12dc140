import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RealCluster, repository, run, skipReason } from "./test-support/cluster.ts";

const installed = existsSync("/usr/lib/python3/dist-packages/kubernetes");
const skip = skipReason || (installed ? false : "needs Debian's python3-kubernetes");

/** A client that shares no code with this one, nor with @kubernetes/client-node or kubectl. */
test("The official Python client works: objects, watches, discovery, elections, streams", {
  skip,
}, async () => {
  await using cluster = await RealCluster.start({ nodes: 1 });
  const script = join(repository, "e2e/test-support/python-client.py");
  const env = { KUBECONFIG: cluster.kubeconfig, PYTHONDONTWRITEBYTECODE: "1" };
  const { code, stderr } = await run("/usr/bin/python3", [script], { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Ran 7 tests in /m);
});
