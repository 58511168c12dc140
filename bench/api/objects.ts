import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { schemas } from "../../src/api/schemas.ts";
import { createProtobufCodec } from "../../src/apimachinery/protobuf/codec.ts";
import { Ages, stamp } from "./ages.ts";
import { Connection, type Endpoint, json, protobuf } from "./connection.ts";
import { percentile, tenths } from "./figures.ts";

export const conditions = {
  clients: 32,
  watchers: 100,
  listedObjects: 5000,
  valueBytes: 1000,
  seconds: 4,
};
const warmupMs = 1000;
const measuredMs = conditions.seconds * 1000;
const writersWhileWatched = 8;

const codec = createProtobufCodec(schemas);
const payload = "x".repeat(conditions.valueBytes);

type Encoding = "json" | "protobuf";
const mediaTypes = { json, protobuf };

/** Creates, gets, lists and watches of 1 kB config maps in one encoding. */
export class ObjectLoad {
  readonly #endpoint: Endpoint;
  readonly #connections: readonly Connection[];
  readonly #encoding: Encoding;
  readonly #options: { readonly accept: string; readonly contentType: string };
  #created = 0;
  /** Sent so far by `creates` and `gets`, warm-ups included. */
  requests = 0;

  private constructor(endpoint: Endpoint, connections: readonly Connection[], encoding: Encoding) {
    this.#endpoint = endpoint;
    this.#connections = connections;
    this.#encoding = encoding;
    this.#options = { accept: mediaTypes[encoding], contentType: mediaTypes[encoding] };
  }

  static async start(endpoint: Endpoint, encoding: Encoding): Promise<ObjectLoad> {
    const connections = await Connection.openAll(endpoint, conditions.clients);
    const load = new ObjectLoad(endpoint, connections, encoding);
    for (const what of ["creates", "listed", "watched"]) {
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: load.#namespace(what) } };
      await connections[0]?.send("POST", "/api/v1/namespaces", JSON.stringify(namespace));
    }
    return load;
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  creates(): Promise<number> {
    const path = this.#maps("creates");
    return this.#perSecond((connection) => this.#create(connection, path, `map-${this.#created++}`));
  }

  /** Of what was created before. */
  gets(): Promise<number> {
    let turn = 0;
    return this.#perSecond((connection) =>
      connection.send("GET", this.#createdAt(turn++), undefined, this.#options),
    );
  }

  /** The same on two connections of HTTP/2 with as many requests at a time. */
  async getsOverHttp2(): Promise<number> {
    const sessions = await Promise.all([this.#openHttp2(), this.#openHttp2()]);
    let turn = 0;
    const each = this.#connections.map((_, index) => sessions[index % 2] as ClientHttp2Session);
    const perS = await perSecond(each, (session) => getOverHttp2(session, this.#createdAt(turn++)));
    for (const session of sessions) session.destroy();
    return perS;
  }

  async listMs(): Promise<number> {
    const path = this.#maps("listed");
    let next = 0;
    await Promise.all(
      this.#connections.map(async (connection) => {
        for (let index = next++; index < conditions.listedObjects; index = next++)
          await this.#create(connection, path, `map-${index}`);
      }),
    );
    const times: number[] = [];
    for (let round = 0; round < 15; round++) {
      const start = performance.now();
      await this.#connections[0]?.send("GET", path, undefined, this.#options);
      times.push(performance.now() - start);
    }
    return tenths(percentile(times, 0.5));
  }

  /** Every watcher's frames are counted, and aged by the client's own clock. */
  async watches(): Promise<{ deliveriesPerS: number; p50Ms: number; p99Ms: number }> {
    const path = this.#maps("watched");
    const ages = new Ages(this.#encoding === "protobuf");
    const watching = await Connection.openAll(this.#endpoint, conditions.watchers);
    for (const watcher of watching) watcher.watch(`${path}?watch=true`, ages.read, this.#options);
    const writers = this.#connections.slice(0, writersWhileWatched);
    const start = performance.now();
    let count = 0;
    await Promise.all(
      writers.map(async (connection) => {
        for (;;) {
          const now = performance.now();
          if (now - start > warmupMs) ages.begin();
          if (now - start > warmupMs + measuredMs) return;
          await this.#create(connection, path, `map-${count++}`, { sentAt: stamp() });
        }
      }),
    );
    for (const watcher of watching) watcher.close();
    return {
      deliveriesPerS: Math.round((ages.frames * 1000) / measuredMs),
      p50Ms: tenths(percentile(ages.values, 0.5)),
      p99Ms: tenths(percentile(ages.values, 0.99)),
    };
  }

  #namespace(what: string): string {
    return this.#encoding === "json" ? what : `${what}-${this.#encoding}`;
  }

  #maps(what: string): string {
    return `/api/v1/namespaces/${this.#namespace(what)}/configmaps`;
  }

  #createdAt(turn: number): string {
    return `${this.#maps("creates")}/map-${(turn * 7919) % this.#created}`;
  }

  #create(connection: Connection, path: string, name: string, data: object = {}): Promise<Buffer> {
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { payload, ...data } };
    const body = this.#encoding === "json" ? JSON.stringify(map) : codec.encode(map);
    return connection.send("POST", path, body, this.#options);
  }

  #perSecond(act: (connection: Connection) => Promise<unknown>): Promise<number> {
    return perSecond(this.#connections, (connection) => {
      this.requests++;
      return act(connection);
    });
  }

  async #openHttp2(): Promise<ClientHttp2Session> {
    const { port, authority, certificate, key } = this.#endpoint;
    const session = connect(`https://127.0.0.1:${port}`, { ca: authority, cert: certificate, key });
    await once(session, "connect");
    return session;
  }
}

function getOverHttp2(session: ClientHttp2Session, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, accept: json });
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200) reject(new Error(`answered ${headers[":status"]}`));
    });
    stream.on("data", () => {});
    stream.on("end", resolve);
    stream.on("error", reject);
  });
}

/** How often all clients together do something in a second, after a warm-up. */
async function perSecond<T>(clients: readonly T[], act: (client: T) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let done = 0;
  await Promise.all(
    clients.map(async (client) => {
      for (;;) {
        await act(client);
        const elapsed = performance.now() - start;
        if (elapsed > warmupMs) done++;
        if (elapsed > warmupMs + measuredMs) return;
      }
    }),
  );
  return Math.round((done * 1000) / measuredMs);
}
