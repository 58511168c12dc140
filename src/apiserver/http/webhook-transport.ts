import { type Agent, request } from "node:https";
import { isIP } from "node:net";
import { jsonSyntaxError } from "../../apimachinery/schema/json-syntax-error.ts";
import type { WebhookTarget, WebhookTransport } from "../admission/webhooks/caller.ts";
import { AgentPool } from "./agent-pool.ts";

/** Upstream's limit of an answer. */
const maxAnswerBytes = 3 * 1024 * 1024;

/** Calls webhooks over HTTPS. Connections are kept for each certificate authority and client certificate; `close` ends them. */
export function httpsWebhookTransport(): WebhookTransport & { close(): void } {
  const agents = new AgentPool();
  const agentFor = ({ certificateAuthority, serverName, client }: WebhookTarget): Agent => {
    const { certificate } = client ?? {};
    const key = [serverName, certificateAuthority, certificate?.cert, certificate?.key].join("\n");
    return agents.of(key, () => ({
      maxSockets: 32,
      // TLS names no address: the certificate is then checked against the address that is connected to.
      ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      ...certificate,
    }));
  };

  return {
    async post(target, body, { timeoutMs, signal }) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        return await exchange(target, agentFor(target), JSON.stringify(body), {
          seconds: Math.ceil(timeoutMs / 1000),
          signal: AbortSignal.any([signal, timeout]),
        });
      } catch (error) {
        if (timeout.aborted) throw new Error("context deadline exceeded");
        throw inWordsOfGo(error);
      }
    },
    close: () => agents.close(),
  };
}

/** Failures to connect, as administrators know them from upstream's messages and look them up. */
function inWordsOfGo(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const { code, message } = error;
  const address = message.split(" ").at(-1) ?? "";
  switch (code) {
    case "ECONNREFUSED":
      return new Error(`dial tcp ${address}: connect: connection refused`, { cause: error });
    case "EHOSTUNREACH":
      return new Error(`dial tcp ${address}: connect: no route to host`, { cause: error });
    case "ENOTFOUND":
      return new Error(`dial tcp: lookup ${address}: no such host`, { cause: error });
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
      return new Error("tls: failed to verify certificate: x509: certificate signed by unknown authority", {
        cause: error,
      });
    case "CERT_HAS_EXPIRED":
      return new Error(
        "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
        { cause: error },
      );
    default:
      return error;
  }
}

function exchange(
  { url, connect, client }: WebhookTarget,
  agent: Agent,
  body: string,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): Promise<unknown> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const query = search === "" ? `?timeout=${seconds}s` : `${search}&timeout=${seconds}s`;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        method: "POST",
        host: connect?.host ?? hostname.replace(/^\[|\]$/g, ""),
        port: connect?.port ?? (port === "" ? 443 : Number(port)),
        path: pathname + query,
        agent,
        signal,
        headers: {
          ...client?.headers,
          host,
          "content-type": "application/json",
          accept: "application/json",
          "content-length": Buffer.byteLength(body),
        },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxAnswerBytes) answer.destroy(new Error("the webhook's answer is too large"));
          else chunks.push(chunk);
        });
        answer.on("error", reject);
        answer.on("end", () => {
          try {
            resolve(readAnswer(answer.statusCode ?? 0, Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function readAnswer(status: number, text: string): unknown {
  if (status < 200 || status > 299) {
    const shown = text.trim().slice(0, 256);
    const message = `an error on the server (${JSON.stringify(shown)}) has prevented the request from succeeding`;
    throw Object.assign(new Error(message), { answerCode: status });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `couldn't get version/kind; json parse error: ${jsonSyntaxError(text)}`;
    throw Object.assign(new Error(message, { cause }), { answerCode: status });
  }
}
