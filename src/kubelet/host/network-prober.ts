import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { HttpProbe, NetworkProber, ProbeAnswer } from "../probes/prober.ts";

const maxBodyBytes = 10 * 1024;

/** Probes over real sockets. */
export const networkProber: NetworkProber = { http: probeHttp, tcp: probeTcp, grpc: probeGrpc };

/** Any answer from 200 to 399 is a success; redirects to another host count as one without being followed. */
function probeHttp(probe: HttpProbe, timeoutMs: number): Promise<ProbeAnswer> {
  const { scheme, host, port, path, headers } = probe;
  const url = `${scheme}://${host}:${port}${path}`;
  return new Promise((resolve) => {
    const headerMap: Record<string, string> = {
      "user-agent": "kube-probe/1.36",
      accept: "*/*",
      connection: "close",
    };
    for (const { name, value } of headers) headerMap[name.toLowerCase()] = value;
    const send = scheme === "https" ? httpsRequest : httpRequest;
    const fail = (output: string) => resolve({ outcome: "failure", output });
    const request = send(
      { host, port, path, headers: headerMap, agent: false, timeout: timeoutMs, rejectUnauthorized: false },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxBodyBytes) chunks.push(chunk);
          else request.destroy();
        });
        response.on("close", () => {
          const status = response.statusCode ?? 0;
          const ok = status >= 200 && status < 400;
          if (ok) resolve({ outcome: "success", output: Buffer.concat(chunks).toString("utf8") });
          else fail(`HTTP probe failed with statuscode: ${status}`);
        });
      },
    );
    const deadline = setTimeout(() => request.destroy(new Error("context deadline exceeded")), timeoutMs);
    request.on("error", (error) => fail(`Get "${url}": ${error.message}`));
    request.on("close", () => clearTimeout(deadline));
    request.end();
  });
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (answer: ProbeAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end({ outcome: "success", output: "" }));
    socket.once("timeout", () =>
      end({ outcome: "failure", output: `dial tcp ${host}:${port}: i/o timeout` }),
    );
    socket.once("error", (error) =>
      end({ outcome: "failure", output: `dial tcp ${host}:${port}: ${error.message}` }),
    );
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
    client.makeUnaryRequest(
      "/grpc.health.v1.Health/Check",
      (value: Buffer) => value,
      (bytes: Buffer) => bytes,
      request,
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
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
  });
}
