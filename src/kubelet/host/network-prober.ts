import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { http } from "../../client/transport/node-http.ts";
import type { HttpProbe, NetworkProber, ProbeAnswer } from "../probes/prober.ts";

const maxBodyBytes = 10 * 1024;

/** Probes over real sockets. */
export const networkProber: NetworkProber = { http: probeHttp, tcp: probeTcp, grpc: probeGrpc };

const maxRedirects = 10;

/**
 * Any answer from 200 to 399 is a success. Redirects on the same host are followed; one that leads elsewhere is a success with a
 * warning.
 */
async function probeHttp(probe: HttpProbe, timeoutMs: number): Promise<ProbeAnswer> {
  const { scheme, host, port, path } = probe;
  const endMs = performance.now() + timeoutMs;
  let url = new URL(path.startsWith("/") ? path : `/${path}`, `${scheme}://${host}:${port}`);
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(url, probe, Math.max(1, endMs - performance.now()));
    if (typeof answer === "string") return { outcome: "failure", output: `Get "${url}": ${answer}` };
    const { status, location, body } = answer;
    if (status < 200 || status >= 400)
      return { outcome: "failure", output: `HTTP probe failed with statuscode: ${status}` };
    if (status < 300) return { outcome: "success", output: body };
    const next = location === undefined ? undefined : URL.parse(location, url);
    if (next == null || next.hostname !== url.hostname)
      return {
        outcome: "success",
        isWarning: true,
        output: `Probe terminated redirects, Response body: ${body}`,
      };
    if (redirects >= maxRedirects)
      return { outcome: "failure", output: `Get "${next}": stopped after ${maxRedirects} redirects` };
    url = next;
  }
}

interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** One request; a text is why there was no answer. */
function ask(url: URL, { headers }: HttpProbe, timeoutMs: number): Promise<HttpAnswer | string> {
  return new Promise((resolve) => {
    const headerMap: Record<string, string> = {
      "user-agent": "kube-probe/1.36",
      accept: "*/*",
      connection: "close",
    };
    for (const { name, value } of headers) headerMap[name.toLowerCase()] = value;
    const send = url.protocol === "https:" ? httpsRequest : http.request;
    const request = send(url, { headers: headerMap, agent: false, rejectUnauthorized: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBodyBytes) chunks.push(chunk);
        else request.destroy();
      });
      response.on("close", () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    const deadline = patientTimeout(timeoutMs, () => request.destroy(new Error("context deadline exceeded")));
    request.on("error", (error) => resolve(error.message));
    request.on("close", () => deadline.cancel());
    request.end();
  });
}

/** A timer that comes this late found its own process held up. */
const stallMs = 50;
const maxExtensions = 3;

/**
 * Calls back when the time is over. Where this process was itself held up meanwhile, what came in the time may not have been
 * read yet: it gets as long again as the delay was.
 */
function patientTimeout(timeoutMs: number, over: () => void): { cancel(): void } {
  let dueMs = performance.now() + timeoutMs;
  let extensions = 0;
  let timer = setTimeout(check, timeoutMs);
  function check(): void {
    const lateMs = Math.min(performance.now() - dueMs, timeoutMs);
    if (lateMs < stallMs || extensions++ >= maxExtensions) {
      over();
      return;
    }
    dueMs = performance.now() + lateMs;
    timer = setTimeout(check, lateMs);
  }
  return { cancel: () => clearTimeout(timer) };
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: ProbeAnswer) => {
      deadline.cancel();
      socket.destroy();
      resolve(answer);
    };
    const fail = (why: string) => end({ outcome: "failure", output: `dial tcp ${host}:${port}: ${why}` });
    const deadline = patientTimeout(timeoutMs, () => fail("i/o timeout"));
    socket.once("connect", () => end({ outcome: "success", output: "" }));
    socket.once("error", (error) => fail(error.message));
  });
}

/** grpc.health.v1.Health/Check: field 1 of the request is the service, field 1 of the answer the status (1: SERVING). */
async function probeGrpc(
  host: string,
  port: number,
  service: string,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  // Loaded by the first gRPC probe: most nodes never have one.
  const { Client, credentials } = await import("@grpc/grpc-js");
  const client = new Client(`${host}:${port}`, credentials.createInsecure());
  const name = Buffer.from(service);
  const request =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  return new Promise((resolve) => {
    const call = client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      (value: Buffer) => value,
      (bytes: Buffer) => bytes,
      request,
      (error, answer) => {
        deadline.cancel();
        client.close();
        if (error !== null)
          resolve({
            outcome: "failure",
            output: `failed to connect service "${host}:${port}": ${error.message}`,
          });
        else if (answer?.[0] === 0x08 && answer[1] === 1)
          resolve({ outcome: "success", output: "service healthy" });
        else resolve({ outcome: "failure", output: `service unhealthy (responded with "NOT_SERVING")` });
      },
    );
    const deadline = patientTimeout(timeoutMs, () => call.cancel());
  });
}
