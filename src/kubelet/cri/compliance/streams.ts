import assert from "node:assert/strict";
import { CriError } from "../cri-error.ts";
import { bytesOf, type Check, collector, text, withCode } from "./fixture.ts";

/** What runs on streams: exec, attach and port-forward. */
export function streamChecks(check: Check): void {
  check("execSync gives the output and the exit code", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const result = await fixture.runtime.execSync(id, ["sh", "-c", "echo out; echo err >&2; exit 3"], 10);
    assert.deepEqual([text(result.stdout), text(result.stderr), result.exitCode], ["out\n", "err\n", 3]);
  });

  check("execSync past its time fails with DeadlineExceeded", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const late = fixture.runtime.execSync(id, ["sleep", "30"], 1);
    await assert.rejects(fixture.waiting(late), withCode("DeadlineExceeded"));
  });

  check("execSync in a container that does not run fails", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.create(pod, ["true"]);
    await assert.rejects(fixture.runtime.execSync(id, ["true"], 5), CriError);
    await assert.rejects(fixture.runtime.execSync("nobody", ["true"], 5), withCode("NotFound"));
  });

  check("exec copies its streams, ends its input and gives the exit code", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const [stdout, stderr] = [collector(), collector()];
    const exit = await fixture.runtime.exec(
      { containerId: id, command: ["sh", "-c", "cat; echo err >&2; exit 5"], tty: false },
      { stdin: bytesOf("to and fro"), stdout, stderr },
    );
    assert.deepEqual([exit.exitCode, stdout.text(), stderr.text()], [5, "to and fro", "err\n"]);
  });

  check("exec that is aborted rejects", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["sleep", "3600"]);
    const abort = new AbortController();
    const running = fixture.runtime.exec(
      { containerId: id, command: ["sleep", "3600"], tty: false },
      { stdout: collector() },
      { signal: abort.signal },
    );
    const rejected = assert.rejects(running, { name: "AbortError" });
    await fixture.wait(50);
    abort.abort();
    await rejected;
  });

  check("attach joins the main process's streams until it ends", async (fixture) => {
    const pod = await fixture.sandbox();
    const id = await fixture.run(pod, ["cat"], { stdin: true, stdinOnce: true });
    const stdout = collector();
    await fixture.waiting(
      fixture.runtime.attach({ containerId: id, tty: false }, { stdin: bytesOf("attached\n"), stdout }),
    );
    assert.equal(stdout.text(), "attached\n");
  });

  check("port-forward to a port where nobody listens fails", async (fixture) => {
    const pod = await fixture.sandbox();
    const connection = { source: bytesOf("hello"), sink: collector() };
    await assert.rejects(fixture.runtime.portForward(pod.podSandboxId, 9, connection));
  });
}
