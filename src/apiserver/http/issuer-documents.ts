import { request } from "node:https";
import type { ReadDocument } from "../authentication/oidc/issuer-keys.ts";

const timeoutMs = 30_000;
/** A key set of a hundred keys has some fifty kilobytes. */
const maxBytes = 1024 * 1024;

/** Reads an OpenID issuer's documents over HTTPS; redirects are not followed. */
export const readIssuerDocument: ReadDocument = (url, { certificateAuthority, bearerToken, signal }) =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: "GET",
        agent: false,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          accept: "application/json",
          ...(bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` }),
        },
        ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) answer.destroy(new Error("the issuer's answer is too large"));
          else chunks.push(chunk);
        });
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
      },
    );
    outgoing.on("error", (error) =>
      reject(new Error(`Get ${JSON.stringify(url)}: ${error.message}`, { cause: error })),
    );
    outgoing.end();
  });
