import { type BackoffPolicy, backoffDelayMs } from "../../../base/backoff.ts";
import { type Clock, sleep } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { CriError } from "../cri-error.ts";
import type { ContainerEvent, ContainerEventType, ContainerRuntime, EventOptions } from "../runtime.ts";
import type { GrpcChannel } from "./channel.ts";
import * as wire from "./event-messages.ts";
import { mapUnordered } from "./map-unordered.ts";
import { type Decoded, decode } from "./protobuf.ts";

interface EventDependencies {
  readonly channel: GrpcChannel;
  readonly runtime: Pick<ContainerRuntime, "listContainers" | "listPodSandboxes">;
  readonly clock: Clock;
  readonly random: Random;
}

const reconnect: BackoffPolicy = { initialMs: 50, factor: 2, limitMs: 3000, jitter: 0.2 };

/**
 * Container events from CRI's own stream, or from containerd's where the runtime has not got CRI's (containerd before
 * 1.7). Reconnects until the signal aborts.
 */
export async function* containerEventStream(
  dependencies: EventDependencies,
  options: EventOptions,
): AsyncGenerator<ContainerEvent> {
  const { clock, random } = dependencies;
  let source = criEvents;
  for (let attempt = 0; !options.signal.aborted; ) {
    const onReady = () => {
      attempt = 0;
      options.onReady?.();
    };
    try {
      yield* source(dependencies, { ...options, onReady });
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof CriError && error.code === "Unimplemented" && source === criEvents) {
        source = containerdEvents;
        continue;
      }
      if (!(error instanceof CriError) || error.code === "Cancelled") throw error; // closed by its owner
    }
    await sleep(clock, backoffDelayMs(reconnect, attempt++, random), options).catch(() => {});
  }
}

async function* criEvents(
  dependencies: EventDependencies,
  options: EventOptions,
): AsyncGenerator<ContainerEvent> {
  const messages = dependencies.channel.serverStream(
    "runtime.v1.RuntimeService/GetContainerEvents",
    wire.containerEvents,
    {},
    { signal: options.signal },
  );
  for await (const event of await established(dependencies, messages, options)) {
    yield {
      type: event.type,
      containerId: event.containerId,
      ...(event.podSandboxStatus !== undefined && { podSandboxId: event.podSandboxStatus.id }),
      atMs: event.createdAt / 1e6,
    };
  }
}

/**
 * A runtime says nothing on a stream before the first event. Once it has answered a list that was asked for after the
 * stream on the same connection, the stream stands, or has been refused.
 */
async function established<T>(
  { runtime }: EventDependencies,
  messages: AsyncIterable<T>,
  options: EventOptions,
  owners: Owners = new Map(),
): Promise<AsyncIterable<T>> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = iterator.next();
  const listed = runtime.listContainers({}, { signal: options.signal });
  first.catch(() => {}); // told by the race, else by the iteration
  listed.catch(() => {});
  await Promise.race([first, listed]);
  for (const { id, podSandboxId } of await listed) owners.set(id, podSandboxId);
  options.onReady?.();
  return (async function* () {
    try {
      for (let result = await first; result.done !== true; result = await iterator.next()) yield result.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

const confirmationsAtOnce = 32;

/** Only what is turned into an event: an exec probe's own traffic is left with the runtime. */
const filters = [
  'namespace==k8s.io,topic~="^/tasks/(start|exit)$"',
  'namespace==k8s.io,topic~="^/containers/(create|delete)$"',
];

/** Which sandbox each container of the node belongs to. */
type Owners = Map<string, string>;

async function* containerdEvents(
  dependencies: EventDependencies,
  options: EventOptions,
): AsyncGenerator<ContainerEvent> {
  const { signal } = options;
  const owners: Owners = new Map();
  const envelopes = dependencies.channel.serverStream(
    "containerd.services.events.v1.Events/Subscribe",
    wire.containerdEvents,
    { filters },
    { signal },
  );
  const events = relevant(await established(dependencies, envelopes, options, owners));
  yield* mapUnordered(events, confirmationsAtOnce, (event) => withOwner(dependencies, owners, event, signal));
}

async function* relevant(envelopes: AsyncIterable<Envelope>): AsyncGenerator<ContainerEvent> {
  for await (const envelope of envelopes) {
    const event = toEvent(envelope);
    if (event !== undefined) yield event;
  }
}

type Envelope = Decoded<typeof wire.containerdEvents.response>;

function toEvent(envelope: Envelope): ContainerEvent | undefined {
  const payload = envelope.event?.value ?? new Uint8Array(0);
  const atMs = (envelope.timestamp?.seconds ?? 0) * 1000 + (envelope.timestamp?.nanos ?? 0) / 1e6;
  const event = (type: ContainerEventType, containerId: string) => ({ type, containerId, atMs });
  switch (envelope.topic) {
    case "/containers/create":
      return event("created", decode(wire.containerRecordEvent, payload).id);
    case "/containers/delete":
      return event("deleted", decode(wire.containerRecordEvent, payload).id);
    case "/tasks/start":
      return event("started", decode(wire.taskEvent, payload).containerId);
    case "/tasks/exit": {
      const { containerId, id } = decode(wire.taskExitEvent, payload);
      return id === containerId ? event("stopped", containerId) : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * containerd tells everybody of an exit at once, its CRI part too: until that has written it down, a list would still
 * say "running". So an event is held back until the runtime's answers agree with it, for a few milliseconds at most.
 */
async function withOwner(
  { runtime, clock }: EventDependencies,
  owners: Owners,
  event: ContainerEvent,
  signal: AbortSignal,
): Promise<ContainerEvent> {
  const { type, containerId } = event;
  if (type === "deleted") {
    const podSandboxId = owners.get(containerId);
    owners.delete(containerId);
    return podSandboxId === undefined ? event : { ...event, podSandboxId };
  }
  // What was created need not be listed yet: nobody waits for it.
  for (const delayMs of type === "created" ? [0] : [0, 1, 2, 4, 8, 16, 32, 64]) {
    if (delayMs > 0) await sleep(clock, delayMs, { signal });
    const [container] = await runtime.listContainers({ id: containerId }, { signal });
    if (container !== undefined) {
      owners.set(containerId, container.podSandboxId);
      if (!agrees(type, container.state)) continue;
      return { ...event, podSandboxId: container.podSandboxId };
    }
    const [sandbox] = await runtime.listPodSandboxes({ id: containerId }, { signal });
    if (sandbox === undefined) continue;
    owners.set(containerId, containerId);
    if (type !== "stopped" || sandbox.state === "notReady") return { ...event, podSandboxId: containerId };
  }
  return event;
}

function agrees(type: ContainerEventType, state: string): boolean {
  if (type === "stopped") return state === "exited" || state === "unknown";
  if (type === "started") return state !== "created";
  return true;
}
