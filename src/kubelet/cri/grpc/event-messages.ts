import { bytes, enumeration, int, message, nested, string, strings } from "./protobuf.ts";
import { podSandboxStatus } from "./status-messages.ts";

/** `GetContainerEvents`, a server stream (Unimplemented before containerd 1.7). */
export const containerEvents = {
  request: message({}),
  response: message({
    containerId: string(1),
    type: enumeration(2, ["created", "started", "stopped", "deleted"] as const),
    createdAt: int(3),
    podSandboxStatus: nested(4, podSandboxStatus),
  }),
} as const;

const timestamp = message({ seconds: int(1), nanos: int(2) });

/** containerd's own event stream (`containerd.services.events.v1.Events/Subscribe`), which every version has. */
export const containerdEvents = {
  request: message({ filters: strings(1) }),
  response: message({
    timestamp: nested(1, timestamp),
    namespace: string(2),
    topic: string(3),
    event: nested(4, message({ typeUrl: string(1), value: bytes(2) })),
  }),
} as const;

/** The events' payloads begin alike: TaskCreate, TaskStart and TaskDelete have the container's id first. */
export const taskEvent = message({ containerId: string(1) });
/** TaskExit: `id` differs from `containerId` for a process that was exec'ed. */
export const taskExitEvent = message({ containerId: string(1), id: string(2) });
export const containerRecordEvent = message({ id: string(1) });
