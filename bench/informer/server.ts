/**
 * A server of pods for informers to follow: nothing but the list and watch protocol, its answers prepared beforehand, so that
 * what is measured is the client. Told by messages what to do; see `Order`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { podText } from "./pod.ts";

export type Order =
  /** As many updates as the connection takes. */
  | { readonly do: "blast"; readonly updates: number }
  /** Updates at a steady rate, each with the time it was sent. */
  | { readonly do: "pace"; readonly updates: number; readonly perSecond: number }
  /** All connections are cut. */
  | { readonly do: "cut" }
  /** Connections stay, and bring nothing any more; new ones work. */
  | { readonly do: "silence" }
  /** One update, marked so that it is recognised. */
  | { readonly do: "mark"; readonly mark: string };

const count = Number(process.argv[2]);
const texts = Array.from({ length: count }, (_, index) => podText(index, index + 1));
let version = count;
const log: { readonly version: number; readonly line: string }[] = [];
const watches = new Set<ServerResponse>();

const server = createServer((request, response) => void answer(request, response));
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

process.on("message", (order: Order) => void obey(order));
process.on("disconnect", () => process.exit());
setInterval(() => {
  for (const watch of watches) watch.write(bookmark());
}, 1000);

async function answer({ url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { searchParams } = new URL(url, "http://server");
  response.writeHead(200, { "content-type": "application/json" });
  if (searchParams.get("watch") !== "true") {
    const limit = Number(searchParams.get("limit") ?? count);
    const from = Number(searchParams.get("continue") ?? 0);
    const more = from + limit < count ? `,"continue":"${from + limit}"` : "";
    // Items of a list name no kind.
    const items = texts
      .slice(from, from + limit)
      .map((text) => text.replace('"apiVersion":"v1","kind":"Pod",', ""));
    const head = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"${version}"${more}},"items":[`;
    response.end(`${head}${items.join(",")}]}`);
    return;
  }
  if (searchParams.get("sendInitialEvents") === "true") {
    for (let from = 0; from < count; from += 20) {
      const lines = texts.slice(from, from + 20).map((text) => eventLine("ADDED", text));
      await write(response, lines.join(""));
    }
    response.write(bookmark(',"annotations":{"k8s.io/initial-events-end":"true"}'));
  } else {
    const since = Number(searchParams.get("resourceVersion") ?? 0);
    response.write(log.map((entry) => (entry.version > since ? entry.line : "")).join(""));
    response.flushHeaders();
  }
  watches.add(response);
  response.once("close", () => watches.delete(response));
}

async function obey(order: Order): Promise<void> {
  switch (order.do) {
    case "blast":
      for (let sent = 0; sent < order.updates; sent += 20)
        await broadcast(Array.from({ length: 20 }, (_, index) => update(sent + index)).join(""));
      break;
    case "pace":
      await pace(order);
      break;
    case "cut":
      server.closeAllConnections();
      break;
    case "silence":
      watches.clear();
      break;
    case "mark":
      await broadcast(update(0, order.mark));
  }
  process.send?.("done");
}

async function pace({ updates, perSecond }: { updates: number; perSecond: number }): Promise<void> {
  const startMs = performance.now();
  for (let sent = 0; sent < updates; ) {
    const due = Math.min(updates, Math.floor(((performance.now() - startMs) / 1000) * perSecond));
    for (; sent < due; sent++)
      await broadcast(update(sent, `at ${performance.timeOrigin + performance.now()}`));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function update(index: number, mark?: string): string {
  version++;
  const line = eventLine("MODIFIED", podText(index % count, version, mark));
  // What a watch that comes back is brought; the flood before is of no use to it.
  if (mark !== undefined) log.push({ version, line });
  return line;
}

async function broadcast(lines: string): Promise<void> {
  await Promise.all([...watches].map((watch) => write(watch, lines)));
}

function write(response: ServerResponse, text: string): Promise<void> | void {
  if (response.write(text) || response.destroyed) return;
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle);
      response.off("close", settle);
      resolve();
    };
    response.on("drain", settle);
    response.on("close", settle);
  });
}

function eventLine(type: string, text: string): string {
  return `{"type":"${type}","object":${text}}\n`;
}

function bookmark(annotations = ""): string {
  const metadata = `{"resourceVersion":"${version}"${annotations}}`;
  return eventLine("BOOKMARK", `{"apiVersion":"v1","kind":"Pod","metadata":${metadata}}`);
}
