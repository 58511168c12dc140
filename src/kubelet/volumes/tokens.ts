import type { Pod } from "../../api/core/types.generated.ts";
import { serviceAccounts } from "../../api/resources.generated.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Client } from "../../client/client.ts";

interface TokenRequest extends KubeObject {
  readonly spec: {
    readonly audiences: readonly string[];
    readonly expirationSeconds: number;
    readonly boundObjectRef: {
      readonly apiVersion: string;
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
    };
  };
  readonly status?: { readonly token: string; readonly expirationTimestamp: string };
}

interface HeldToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Service account tokens of this node's pods: fetched when needed, renewed before they end. */
export interface TokenManager {
  /** A token bound to the pod, good for its audience ("": the API server's). Throws when none can be had. */
  get(pod: Pod, audience: string, expirationSeconds: number): Promise<string>;
  /** When the first of the pod's tokens is due for renewal (epoch milliseconds); undefined: it has none. */
  renewAtMs(podUid: string): number | undefined;
  release(podUid: string): void;
}

const dayMs = 86_400_000;
const renewAtShareOfLife = 0.8;

export function createTokenManager(dependencies: {
  readonly client: Client;
  readonly clock: Clock;
}): TokenManager {
  const { client, clock } = dependencies;
  const held = new Map<string, Map<string, HeldToken>>();

  return {
    async get(pod, audience, expirationSeconds) {
      const { uid = "", name = "", namespace = "" } = pod.metadata;
      const tokens = held.get(uid) ?? new Map<string, HeldToken>();
      held.set(uid, tokens);
      const key = `${audience}/${expirationSeconds}`;
      const before = tokens.get(key);
      if (before !== undefined && clock.now() < renewalDueMs(before)) return before.token;
      const account = pod.spec.serviceAccountName ?? "default";
      const request: TokenRequest = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: { name: account, namespace },
        spec: {
          audiences: audience === "" ? [] : [audience],
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      };
      try {
        const answer = await client.createSubresource<TokenRequest>(
          serviceAccounts,
          { namespace, name: account },
          "token",
          request,
        );
        const { token = "", expirationTimestamp = "" } = answer.status ?? {};
        tokens.set(key, { token, issuedAtMs: clock.now(), expiresAtMs: Date.parse(expirationTimestamp) });
        return token;
      } catch (error) {
        // While the old one is still good, a failed renewal harms nobody.
        if (before !== undefined && clock.now() < before.expiresAtMs) return before.token;
        throw error;
      }
    },
    renewAtMs(podUid) {
      const due = [...(held.get(podUid)?.values() ?? [])].map(renewalDueMs);
      return due.length === 0 ? undefined : Math.min(...due);
    },
    release(podUid) {
      held.delete(podUid);
    },
  };
}

function renewalDueMs({ issuedAtMs, expiresAtMs }: HeldToken): number {
  return Math.min(issuedAtMs + (expiresAtMs - issuedAtMs) * renewAtShareOfLife, issuedAtMs + dayMs);
}
