import { schemas } from "../../src/api/schemas.ts";
import { createProtobufCodec } from "../../src/apimachinery/protobuf/codec.ts";
import {
  binding,
  changedSlice,
  endpointSlice,
  event,
  type KubeObject,
  lease,
  namespace,
  newPod,
  node,
  nodeName,
  nodeStatusPatch,
  podStatusPatch,
  renewed,
} from "./cluster-objects.ts";
import { Connection, type Endpoint, json, protobuf } from "./connection.ts";
import { percentile, tenths } from "./figures.ts";
import type { ServerProcess } from "./server-process.ts";

const rounds = 5;
const writesAWriter = 60;
const strategicPatch = "application/strategic-merge-patch+json";
const core = `/api/v1/namespaces/${namespace}`;
const pods = `${core}/pods`;
const events = `${core}/events`;
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const slices = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

type Encoding = "json" | "protobuf";
const mediaTypes = { json, protobuf };
const codec = createProtobufCodec(schemas);

/**
 * What the components of a cluster write most, in the server's processor time for each write: kubelets and controllers, eight of
 * each, while somebody watches all that they write, in one encoding.
 */
export async function measureClusterWrites(server: ServerProcess, encoding: Encoding) {
  const writers = await startWriters(server.endpoint, encoding);
  const watchers = await watchAll(server.endpoint, encoding);
  const figures: Record<string, number> = {};
  for (const [name, write] of Object.entries(writes)) figures[name] = await cpuUs(server, writers, write);
  for (const watcher of watchers) watcher.close();
  for (const writer of writers) writer.close();
  return figures;
}

type Write = (writer: Writer, turn: number) => Promise<void>;

/** In the order of a pod's life: each finds what the ones before it made. */
const writes: Readonly<Record<string, Write>> = {
  podCreateCpuUs: (writer, turn) => writer.create(pods, newPod(writer.podName(turn))),
  podBindCpuUs(writer, turn) {
    const name = writer.podName(turn);
    return writer.create(`${pods}/${name}/binding`, binding(name, writer.index));
  },
  podStatusPatchCpuUs: (writer, turn) =>
    writer.patchAsKubelet(`${pods}/${writer.podName(turn)}/status`, podStatusPatch(turn)),
  nodeStatusPatchCpuUs: (writer, turn) =>
    writer.patchAsKubelet(`/api/v1/nodes/${nodeName(writer.index)}/status`, nodeStatusPatch(turn)),
  leaseUpdateCpuUs: (writer, turn) => writer.renewLease(turn),
  eventCreateCpuUs: (writer, turn) => writer.createAsKubelet(events, event(writer.podName(turn), turn)),
  endpointSliceUpdateCpuUs: (writer, turn) => writer.changeSlice(turn),
  podDeleteCpuUs: (writer, turn) => writer.delete(`${pods}/${writer.podName(turn)}`),
};

/** The median of some rounds, after one to warm up. */
async function cpuUs(server: ServerProcess, writers: readonly Writer[], write: Write): Promise<number> {
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const first = round * writesAWriter;
    await server.ask("begin");
    await Promise.all(
      writers.map(async (writer) => {
        for (let turn = first; turn < first + writesAWriter; turn++) await write(writer, turn);
      }),
    );
    const { cpuMs } = await server.ask("end");
    if (round > 0) costs.push((cpuMs * 1000) / (writesAWriter * writers.length));
  }
  return tenths(percentile(costs, 0.5));
}

async function startWriters(endpoint: Endpoint, encoding: Encoding): Promise<Writer[]> {
  const administrator = await Connection.open(endpoint);
  const create = async (path: string, object: object): Promise<KubeObject> =>
    JSON.parse((await administrator.send("POST", path, JSON.stringify(object))).toString());
  await create("/api/v1/namespaces", { metadata: { name: namespace } });
  await create(`${core}/serviceaccounts`, { metadata: { name: "default" } });
  const writers: Writer[] = [];
  for (const [index, credential] of endpoint.kubelets.entries()) {
    await create("/api/v1/nodes", node(index));
    writers.push(
      new Writer(index, {
        encoding,
        controller: await Connection.open(endpoint),
        kubelet: await Connection.open({ ...endpoint, ...credential }),
        lease: await create(leases, lease(index)),
        slice: await create(slices, endpointSlice(index)),
      }),
    );
  }
  administrator.close();
  return writers;
}

async function watchAll(endpoint: Endpoint, encoding: Encoding): Promise<readonly Connection[]> {
  const watched = [pods, events, "/api/v1/nodes", leases, slices];
  const watchers = await Connection.openAll(endpoint, watched.length);
  watchers.forEach((watcher, index) => {
    watcher.watch(`${watched[index]}?watch=true`, () => {}, { accept: mediaTypes[encoding] });
  });
  return watchers;
}

/** A controller and the kubelet of a node, and what each of them wrote last. */
class Writer {
  readonly index: number;
  readonly #encoding: Encoding;
  readonly #controller: Connection;
  readonly #kubelet: Connection;
  #lease: KubeObject;
  #slice: KubeObject;

  constructor(
    index: number,
    parts: {
      readonly encoding: Encoding;
      readonly controller: Connection;
      readonly kubelet: Connection;
      readonly lease: KubeObject;
      readonly slice: KubeObject;
    },
  ) {
    this.index = index;
    this.#encoding = parts.encoding;
    this.#controller = parts.controller;
    this.#kubelet = parts.kubelet;
    this.#lease = parts.lease;
    this.#slice = parts.slice;
  }

  podName(turn: number): string {
    return `pod-${this.index}-${turn}`;
  }

  async create(path: string, object: object): Promise<void> {
    await this.#send(this.#controller, "POST", path, object);
  }

  async createAsKubelet(path: string, object: object): Promise<void> {
    await this.#send(this.#kubelet, "POST", path, object);
  }

  async patchAsKubelet(path: string, patch: object): Promise<void> {
    const options = { accept: mediaTypes[this.#encoding], contentType: strategicPatch };
    await this.#kubelet.send("PATCH", path, JSON.stringify(patch), options);
  }

  async renewLease(turn: number): Promise<void> {
    const path = `${leases}/${nodeName(this.index)}`;
    this.#lease = await this.#update(this.#kubelet, path, renewed(this.#lease, turn));
  }

  async changeSlice(turn: number): Promise<void> {
    const path = `${slices}/${this.#slice.metadata.name}`;
    this.#slice = await this.#update(this.#controller, path, changedSlice(this.#slice, turn));
  }

  async delete(path: string): Promise<void> {
    await this.#send(this.#controller, "DELETE", path, {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: 0,
    });
  }

  close(): void {
    this.#controller.close();
    this.#kubelet.close();
  }

  async #update(connection: Connection, path: string, object: object): Promise<KubeObject> {
    const answer = await this.#send(connection, "PUT", path, object);
    // An API server answers an update with the object.
    return (this.#encoding === "json" ? JSON.parse(answer.toString()) : codec.decode(answer)) as KubeObject;
  }

  #send(connection: Connection, method: string, path: string, object: object): Promise<Buffer> {
    const mediaType = mediaTypes[this.#encoding];
    const body = this.#encoding === "json" ? JSON.stringify(object) : codec.encode(object);
    return connection.send(method, path, body, { accept: mediaType, contentType: mediaType });
  }
}
