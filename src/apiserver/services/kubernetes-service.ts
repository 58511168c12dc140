import type { Endpoints, Service } from "../../api/core/types.generated.ts";
import type { EndpointSlice } from "../../api/discovery/types.generated.ts";
import { endpointSlices, endpoints, services } from "../../api/resources.generated.ts";
import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { semanticEqual } from "../../apimachinery/validation.ts";
import type { Clock } from "../../base/clock.ts";
import { sleep } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Client } from "../../client/client.ts";
import { familyOf } from "./address-range.ts";

export interface KubernetesServiceOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The first address of the first service range. */
  readonly clusterIp: string;
  readonly endpoint: KubernetesEndpoint;
}

export interface KubernetesEndpoint {
  /** Where pods reach the API server; absent: the service has no endpoints (upstream's `--endpoint-reconciler-type=none`). */
  readonly address?: string;
  readonly port: number;
}

const place = { namespace: "default", name: "kubernetes" };
const repairIntervalMs = 10_000;
const portName = "https";

/** Makes the service `kubernetes` and its endpoints; afterwards looks every ten seconds whether they are as they must be. */
export async function keepKubernetesService(
  options: KubernetesServiceOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  await reconcile(options, signal);
  const repeat = async () => {
    for (;;) {
      await sleep(options.clock, repairIntervalMs, { signal });
      try {
        await reconcile(options, signal);
      } catch (error) {
        if (signal.aborted) return;
        options.logger.warn({ error }, "the service kubernetes could not be checked");
      }
    }
  };
  repeat().catch(() => {
    // The signal's abort ends it.
  });
}

async function reconcile(options: KubernetesServiceOptions, signal: AbortSignal): Promise<void> {
  const {
    client,
    clusterIp,
    endpoint: { address, port: number },
  } = options;
  await ensure<Service>(client, signal, services, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...place, labels: { provider: "kubernetes", component: "apiserver" } },
    spec: {
      type: "ClusterIP",
      clusterIP: clusterIp,
      sessionAffinity: "None",
      ports: [{ name: portName, port: 443, protocol: "TCP", targetPort: number }],
    },
  });
  if (address === undefined) return;
  const port = { name: portName, port: number, protocol: "TCP" };
  await ensure<Endpoints>(
    client,
    signal,
    endpoints,
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { ...place, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
      subsets: [{ addresses: [{ ip: address }], ports: [port] }],
    },
    "subsets",
  );
  await ensure<EndpointSlice>(
    client,
    signal,
    endpointSlices,
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...place, labels: { "kubernetes.io/service-name": place.name } },
      addressType: familyOf(address) ?? "IPv4",
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [port],
    },
    "endpoints",
    "ports",
  );
}

/** Creates the object, or sets the fields named where they differ. */
async function ensure<T extends KubeObject>(
  client: Client,
  signal: AbortSignal,
  type: ResourceType<T>,
  wanted: T,
  ...fields: readonly (keyof T)[]
): Promise<void> {
  let current: T;
  try {
    current = await client.get(type, place, { signal });
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    await client.create(type, wanted, { signal });
    return;
  }
  if (fields.every((field) => semanticEqual(current[field], wanted[field]))) return;
  const changes = Object.fromEntries(fields.map((field) => [field, wanted[field]]));
  await client.update(type, { ...current, ...changes }, { signal });
}
