import type { AuditBackend, AuditEvent } from "./event.ts";
import { isAtLeast } from "./policy.ts";

const encoder = new TextEncoder();

/** Events that are too large lose their bodies, and say so; those that are too large even then are lost and told. */
export function truncatingBackend(
  backend: AuditBackend,
  { maxEventBytes, lost }: { readonly maxEventBytes: number; readonly lost: (event: AuditEvent) => void },
): AuditBackend {
  const fits = (event: AuditEvent) => encoder.encode(JSON.stringify(event)).length <= maxEventBytes;
  return {
    process(event) {
      if (fits(event)) return backend.process(event);
      const short = isAtLeast(event.level, "Request") ? withoutBodies(event) : event;
      if (fits(short)) return backend.process(short);
      lost(event);
      return undefined;
    },
    close: () => backend.close(),
  };
}

function withoutBodies({ requestObject: _, responseObject: __, ...event }: AuditEvent): AuditEvent {
  return { ...event, annotations: { ...event.annotations, "audit.k8s.io/truncated": "true" } };
}
