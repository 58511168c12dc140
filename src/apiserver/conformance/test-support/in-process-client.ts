import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { ApiRequest, UserInfo, WatchEvent } from "../../../client/exchange.ts";
import type { ApiServer } from "../../server.ts";
import { type CallOptions, ConformanceClient, type EventStream } from "./client.ts";

const admin: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };

/** Calls the handler as this process's own components do: objects are handed over, not encoded. */
export function inProcessClient(server: ApiServer): ConformanceClient {
  const handle = (
    method: ApiRequest["method"],
    path: string,
    { query, body, raw, headers = {}, user = admin }: CallOptions,
    signal: AbortSignal,
  ) =>
    server.handle(
      {
        method,
        path,
        query: new URLSearchParams(query),
        headers,
        ...(raw !== undefined ? { body: { bytes: Buffer.from(raw) } } : {}),
        ...(body !== undefined ? { body: { object: body } } : {}),
        signal,
      },
      { user },
    );
  return new ConformanceClient({
    transport: "in process",
    async send(method, path, options = {}) {
      const response = await handle(method, path, options, new AbortController().signal);
      const { status, headers } = response;
      if (response.type === "object") return { status, headers, object: response.object, text: "" };
      if (response.type === "watch") throw new Error("a watch is opened by openWatch");
      const chunks: Uint8Array[] = [];
      for await (const chunk of response.body) chunks.push(chunk);
      return { status, headers, object: undefined, text: Buffer.concat(chunks).toString() };
    },
    async openWatch(path, query, signal) {
      const response = await handle("GET", path, { query }, signal);
      if (response.type !== "watch") throw new Error(`no watch: ${JSON.stringify(response)}`);
      return response.events as AsyncIterable<readonly WatchEvent<AnyObject>[]> satisfies EventStream;
    },
    close: () => undefined,
  });
}
