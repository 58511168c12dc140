import type { Clock } from "../../base/clock.ts";
import { type EtcdConnection, EtcdError } from "./connection.ts";
import { decodeLeaseGrant, encodeLeaseGrant } from "./messages.ts";

interface SharedLease {
  readonly lease: Promise<string>;
  readonly untilMs: number;
  keys: number;
}

const keysPerLease = 1000;
const longestSharingMs = 60_000;
const unknownCode = 2;

/**
 * Leases for keys that expire, shared by those that are written at about the same time, as upstream does: a lease is worth a
 * consensus round. A key may outlive its time by a twentieth of it, and at most a minute.
 */
export class Leases {
  readonly #connection: EtcdConnection;
  readonly #clock: Clock;
  readonly #shared = new Map<number, SharedLease>();

  constructor(connection: EtcdConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  leaseFor(ttlSeconds: number): Promise<string> {
    const nowMs = this.#clock.now();
    const shared = this.#shared.get(ttlSeconds);
    if (shared !== undefined && nowMs < shared.untilMs && shared.keys < keysPerLease) {
      shared.keys++;
      return shared.lease;
    }
    const sharingMs = Math.min(ttlSeconds * 50, longestSharingMs);
    const lease = this.#grant(Math.ceil(ttlSeconds + sharingMs / 1000));
    const granted = { lease, untilMs: nowMs + sharingMs, keys: 1 };
    if (sharingMs >= 1000) this.#shared.set(ttlSeconds, granted);
    lease.catch(() => {
      if (this.#shared.get(ttlSeconds) === granted) this.#shared.delete(ttlSeconds);
    });
    return lease;
  }

  async #grant(ttlSeconds: number): Promise<string> {
    const codec = { path: "/etcdserverpb.Lease/LeaseGrant", decode: decodeLeaseGrant };
    const { lease, error } = await this.#connection.call(codec, encodeLeaseGrant(ttlSeconds), {
      repeatable: true,
    });
    if (error !== "") throw new EtcdError(unknownCode, error);
    return lease;
  }
}
