import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Client } from "../client/client.ts";
import type { Transport } from "../client/exchange.ts";
import { createClient } from "../client/rest-client.ts";
import type { WebhookTransport } from "./admission/webhooks/caller.ts";
import type { Aggregator } from "./aggregation/aggregator.ts";
import type { ServiceOptions } from "./api-server.ts";
import { followDefinitions } from "./custom-resources/follow.ts";
import { identityLeaseHooks, type ServerIdentity } from "./identity-lease.ts";
import type { RuleMetrics } from "./metrics/rule-metrics.ts";
import { createSystemNamespaces } from "./namespaces.ts";
import type { Resources } from "./resources.ts";
import { addressAt } from "./services/address-range.ts";
import { keepAddressObjects } from "./services/address-repair.ts";
import { createDefaultServiceCidr } from "./services/default-service-cidr.ts";
import { keepKubernetesService } from "./services/kubernetes-service.ts";
import type { PostStartHook } from "./stages.ts";
import { autoRegistration } from "./startup.ts";

export interface StartHookDependencies {
  readonly ruleMetrics: RuleMetrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly services?: ServiceOptions;
  readonly identity?: ServerIdentity;
  readonly webhookTransport?: WebhookTransport;
}

/** What is done here as one, and by many controllers upstream. */
const aggregation = [
  autoRegistration,
  "aggregator-reload-proxy-client-cert",
  "start-kube-aggregator-informers",
  "apiservice-status-local-available-controller",
  "apiservice-status-remote-available-controller",
  "apiservice-registration-controller",
  "apiservice-discovery-controller",
  "apiservice-openapi-controller",
  "apiservice-openapiv3-controller",
];

/** What the server itself does once it can answer, under upstream's names. */
export function startHooks(
  dependencies: StartHookDependencies,
  resources: Resources,
  aggregator: Aggregator,
  loopback: Transport,
): readonly PostStartHook[] {
  const { clock, logger, services, identity } = dependencies;
  const clientOf = (transport: Transport): Client => createClient({ transport });
  const storeOf = (group: string, plural: string) => resources.table.storeOf({ group, plural });
  const serves = (group: string, plural: string) => storeOf(group, plural) !== undefined;
  const hooks: PostStartHook[] = [];
  if (serves("", "services"))
    hooks.push({
      name: "start-service-ip-repair-controllers",
      async run(_, { signal }) {
        await resources.allocationsReady();
        const services = storeOf("", "services");
        const addresses = storeOf("networking.k8s.io", "ipaddresses");
        if (services === undefined || addresses === undefined) return;
        const { addressObjects: objects } = resources;
        keepAddressObjects({ objects, addresses, services, clock, logger }, signal).catch(() => {
          // The signal's abort ends it.
        });
      },
    });
  if (serves("", "namespaces"))
    hooks.push({
      name: "start-system-namespaces-controller",
      run: (loopback, { signal }) => createSystemNamespaces(clientOf(loopback), signal),
    });
  const definitions = storeOf("apiextensions.k8s.io", "customresourcedefinitions");
  if (definitions !== undefined)
    hooks.push({
      name: "start-apiextensions-controllers",
      covers: ["start-apiextensions-informers", "crd-informer-synced"],
      run: (loopback, { signal }) =>
        followDefinitions({
          ...dependencies,
          client: clientOf(loopback),
          store: definitions,
          resources,
          signal,
        }),
    });
  if (serves("networking.k8s.io", "servicecidrs"))
    hooks.push({
      name: "start-kubernetes-service-cidr-controller",
      run: (loopback, { signal }) =>
        createDefaultServiceCidr(
          clientOf(loopback),
          resources.ranges.map(({ cidr }) => cidr),
          signal,
        ),
    });
  const apiServices = storeOf("apiregistration.k8s.io", "apiservices");
  if (apiServices !== undefined)
    hooks.push({
      name: "kube-apiserver-autoregistration",
      covers: aggregation,
      // Custom kinds of before are not taken for such as are gone.
      after: "start-apiextensions-controllers",
      run: (_, { signal }) => aggregator.start(apiServices, signal),
    });
  if (services?.endpoint !== undefined && serves("", "services"))
    hooks.push(...kubernetesService(dependencies, resources, services.endpoint));
  if (identity !== undefined && serves("coordination.k8s.io", "leases"))
    hooks.push(...identityLeaseHooks(identity, { ...dependencies, client: clientOf(loopback) }));
  return hooks;
}

/** The service under which pods reach this server. */
function kubernetesService(
  { clock, logger }: StartHookDependencies,
  resources: Resources,
  endpoint: NonNullable<ServiceOptions["endpoint"]>,
): readonly PostStartHook[] {
  const [range] = resources.ranges;
  if (range === undefined) return [];
  return [
    {
      name: "bootstrap-controller",
      after: "start-system-namespaces-controller",
      async run(loopback, { signal }) {
        await resources.allocationsReady();
        const client = createClient({ transport: loopback });
        const clusterIp = addressAt(range, 1);
        await keepKubernetesService({ client, clock, logger, clusterIp, endpoint }, { signal });
      },
    },
  ];
}
