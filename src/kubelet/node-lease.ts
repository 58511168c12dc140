import type { Lease } from "../api/coordination/types.generated.ts";
import type { Node } from "../api/core/types.generated.ts";
import { leases } from "../api/resources.generated.ts";
import { isApiError } from "../apimachinery/api-error.ts";
import { type Clock, rfc3339Micro } from "../base/clock.ts";
import type { Client } from "../client/client.ts";

const namespace = "kube-node-lease";
const leaseDurationSeconds = 40;

/** The node's heartbeat: a lease renewed every ten seconds, so that the Node object need not be written for it. */
export class NodeLease {
  readonly #client: Client;
  readonly #clock: Clock;
  #lease: Lease | undefined;

  constructor(dependencies: { readonly client: Client; readonly clock: Clock }) {
    this.#client = dependencies.client;
    this.#clock = dependencies.clock;
  }

  /** Creates or renews it. */
  async renew(owner: Node, signal: AbortSignal): Promise<void> {
    const { name = "", uid = "" } = owner.metadata;
    const renewTime = rfc3339Micro(this.#clock.now());
    const spec = { holderIdentity: name, leaseDurationSeconds, renewTime };
    if (this.#lease === undefined) {
      const ownerReferences = [{ apiVersion: "v1", kind: "Node", name, uid }];
      const metadata = { name, namespace, ownerReferences };
      const fresh: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec };
      try {
        this.#lease = await this.#client.create(leases, fresh, { signal });
        return;
      } catch (error) {
        if (!isApiError(error, "AlreadyExists")) throw error;
        this.#lease = await this.#client.get(leases, { namespace, name }, { signal });
      }
    }
    const renewed = { ...this.#lease, spec: { ...this.#lease.spec, ...spec } };
    try {
      this.#lease = await this.#client.update(leases, renewed, { signal });
    } catch (error) {
      // Somebody changed or removed it: the next try reads it anew.
      this.#lease = undefined;
      throw error;
    }
  }
}
