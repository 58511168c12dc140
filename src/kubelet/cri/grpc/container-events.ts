import { type BackoffPolicy, backoffDelayMs } from "../../../base/backoff.ts";
import { type Clock, sleep } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { CriError } from "../cri-error.ts";
import type { ContainerEvent, ContainerEventType, ContainerRuntime, EventOptions } from "../runtime.ts";
import type { GrpcChannel } from "./channel.ts";
import { mapUnordered } from "./map-unordered.ts";
import * as wire from "./messages.ts";
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
      if (!(error instanceof CriError)) throw error;
    }
    await sleep(clock, backoffDelayMs(reconnect, attempt++, random), options).catch(() => {});
  }
}

async function* criEvents(
  { channel }: EventDependencies,
  options: EventOptions,
): AsyncGenerator<ContainerEvent> {
  const events = channel.serverStream(
    "runtime.v1.RuntimeService/GetContainerEvents",
    wire.containerEvents,
    {},
    options,
  );
  for await (const event of events) {
    yield {
      type: event.type,
      containerId: event.containerId,
      ...(event.podSandboxStatus !== undefined && { podSandboxId: event.podSandboxStatus.id }),
      atMs: event.createdAt / 1e6,
    };
  }
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
  const owners: Owners = new Map();
  const envelopes = dependencies.channel.serverStream(
    "containerd.services.events.v1.Events/Subscribe",
    wire.containerdEvents,
    { filters },
    // The answer's headers come only with the first event: by the time that a list has been answered after the
    // subscription was sent on the same connection, it stands.
    { signal: options.signal },
  );
  const iterator = envelopes[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => {}); // told when it is awaited below
  for (const { id, podSandboxId } of await dependencies.runtime.listContainers({}, options))
    owners.set(id, podSandboxId);
  options.onReady?.();
  const confirmed = mapUnordered(relevant(first, iterator), confirmationsAtOnce, (event) =>
    withOwner(dependencies, owners, event, options.signal),
  );
  yield* confirmed;
}

async function* relevant(
  first: Promise<IteratorResult<Envelope>>,
  iterator: AsyncIterator<Envelope>,
): AsyncGenerator<ContainerEvent> {
  try {
    for (let result = await first; result.done !== true; result = await iterator.next()) {
      const event = toEvent(result.value);
      if (event !== undefined) yield event;
    }
  } finally {
    await iterator.return?.();
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
  for (const delayMs of [0, 1, 2, 4, 8, 16, 32, 64]) {
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
