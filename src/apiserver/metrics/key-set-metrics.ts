import { gauge, type MetricFamily, type MetricSource } from "../../base/metrics/family.ts";
import type { KeySetObserver } from "../authentication/oidc/issuer-keys.ts";

interface Fetches {
  successAtMs?: number;
  failureAtMs?: number;
  keySetHash?: string;
}

export interface KeySetMetricsOptions {
  /** Tells issuers, servers and key sets apart without saying what they are. */
  readonly hashOf: (text: string) => string;
  readonly server: string;
  readonly now: () => number;
}

/** When the keys of OpenID issuers were read, and which they were. */
export class KeySetMetrics implements MetricSource, KeySetObserver {
  readonly #options: KeySetMetricsOptions;
  readonly #issuers = new Map<string, Fetches>();

  constructor(options: KeySetMetricsOptions) {
    this.#options = options;
  }

  fetched(issuer: string, keySet: string | undefined): void {
    const { hashOf, now } = this.#options;
    const known = this.#issuers.get(issuer) ?? {};
    if (keySet === undefined) known.failureAtMs = now();
    else Object.assign(known, { successAtMs: now(), keySetHash: hashOf(keySet) });
    this.#issuers.set(issuer, known);
  }

  forgotten(issuer: string): void {
    this.#issuers.delete(issuer);
  }

  families(): readonly MetricFamily[] {
    const { hashOf, server } = this.#options;
    const serverHash = hashOf(server);
    const issuers = [...this.#issuers].map(([issuer, fetches]) => ({ hash: hashOf(issuer), ...fetches }));
    const heading = (name: string, help: string, labels: readonly string[]) => ({
      name: `apiserver_authentication_jwt_authenticator_jwks_fetch_last_${name}`,
      help: `[ALPHA] ${help}`,
      labels,
    });
    return [
      gauge(
        heading(
          "key_set_info",
          "Information about the last JWKS fetched by the JWT authenticator with hash as label, split by api server identity and jwt issuer.",
          ["jwt_issuer_hash", "apiserver_id_hash", "hash"],
        ),
        issuers.flatMap(({ hash, keySetHash }) =>
          keySetHash === undefined ? [] : [{ labels: [hash, serverHash, keySetHash], value: 1 }],
        ),
      ),
      gauge(
        heading(
          "timestamp_seconds",
          "Timestamp of the last successful or failed JWKS fetch split by result, api server identity and jwt issuer for the JWT authenticator.",
          ["result", "jwt_issuer_hash", "apiserver_id_hash"],
        ),
        issuers.flatMap(({ hash, successAtMs, failureAtMs }) =>
          Object.entries({ success: successAtMs, failure: failureAtMs }).flatMap(([result, atMs]) =>
            atMs === undefined ? [] : [{ labels: [result, hash, serverHash], value: atMs / 1000 }],
          ),
        ),
      ),
    ];
  }
}
