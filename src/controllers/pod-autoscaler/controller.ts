import type { HorizontalPodAutoscaler } from "../../api/autoscaling/types.generated.ts";
import type { Pod } from "../../api/core/types.generated.ts";
import { horizontalPodAutoscalers, pods } from "../../api/resources.generated.ts";
import { matchesLabels, parseLabelSelector } from "../../apimachinery/label-selector.ts";
import { objectKey, parseApiVersion } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { Clock } from "../../base/clock.ts";
import type { MetricSources } from "../../base/metrics/metric-sources.ts";
import type { Client } from "../../client/client.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { type Controller, watch } from "../framework/controller.ts";
import { type DiscoveredResource, discoverResources } from "../framework/discovery.ts";
import { AutoscalerMetrics } from "./autoscaler-metrics.ts";
import { longestWindowMs, type Recommendation, type ScaleEvent } from "./behavior.ts";
import { propose } from "./metrics.ts";
import { type AutoscalerSnapshot, reconcileAutoscaler, type Scale } from "./reconcile.ts";

interface Memory {
  recommendations: Recommendation[];
  events: ScaleEvent[];
  /** The target's size at the last look: a change since is a scale event. */
  lastReplicas: number | undefined;
}

interface Sources {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly metrics?: MetricSources | undefined;
}

const discoveryMs = 10 * 60_000;

/** Sizes workloads by their metrics, each every 15 s. */
export function podAutoscalerController(sources: Sources): Controller<AutoscalerSnapshot> {
  const informer = sources.informers.informer(horizontalPodAutoscalers);
  const metrics = new AutoscalerMetrics();
  sources.metrics?.add(metrics);
  const observer = new Observer(sources, metrics);
  return {
    name: "horizontal-pod-autoscaler-controller",
    eventSource: "horizontal-pod-autoscaler",
    watches: [
      watch(
        informer,
        (autoscaler) => [objectKey(autoscaler)],
        (old, autoscaler) => !semanticallyEqual(old.spec, autoscaler.spec),
      ),
    ],
    observe(key) {
      const autoscaler = informer.lister.get(key);
      if (autoscaler === undefined) {
        observer.forget(key);
        return undefined;
      }
      return observer.observe(key, autoscaler);
    },
    reconcile: reconcileAutoscaler,
    reconciled: (told) => metrics.reconciled(told),
  };
}

class Observer {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #metrics: AutoscalerMetrics;
  readonly #pods;
  readonly #memories = new Map<string, Memory>();
  #discovered: { readonly resources: readonly DiscoveredResource[]; readonly atMs: number } = {
    resources: [],
    atMs: 0,
  };

  constructor({ client, informers, clock }: Sources, metrics: AutoscalerMetrics) {
    this.#metrics = metrics;
    this.#client = client;
    this.#clock = clock;
    this.#pods = informers.informer(pods);
  }

  forget(key: string): void {
    this.#memories.delete(key);
  }

  async observe(key: string, autoscaler: HorizontalPodAutoscaler): Promise<AutoscalerSnapshot> {
    const nowMs = this.#clock.now();
    const memory = this.#memories.get(key) ?? { recommendations: [], events: [], lastReplicas: undefined };
    this.#memories.set(key, memory);
    const resources = await this.#discover(autoscaler, nowMs);
    const target = await this.#targetOf(autoscaler, resources);
    if ("error" in target) return { autoscaler, target, proposals: [], recommendations: [], events: [] };
    const currentReplicas = target.scale.spec?.replicas ?? 0;
    const selector = target.scale.status?.selector ?? "";
    const context = {
      client: this.#client,
      autoscaler,
      pods: this.#podsOf(autoscaler.metadata.namespace ?? "", selector),
      selector,
      currentReplicas,
      nowMs,
      resourceOf: async (kind: string, apiVersion = "v1") => kindIn(resources, kind, apiVersion)?.resource,
    };
    const proposals = await Promise.all(
      (autoscaler.spec.metrics ?? []).map(async (spec) => {
        const startMs = this.#clock.now();
        const proposal = await propose(spec, context);
        this.#metrics.computed(spec.type, proposal, currentReplicas, this.#clock.now() - startMs);
        return proposal;
      }),
    );
    remember(memory, currentReplicas, nowMs);
    const recommended = Math.max(...proposals.map((each) => ("replicas" in each ? each.replicas : 0)));
    const snapshot = {
      autoscaler,
      target,
      proposals,
      recommendations: [...memory.recommendations],
      events: memory.events,
    };
    if (proposals.some((each) => "replicas" in each)) {
      memory.recommendations.push({ atMs: nowMs, replicas: recommended });
    }
    return snapshot;
  }

  /** Kinds come and go seldom: asked again after a while, or where the target's kind is not known yet. */
  async #discover({ spec }: HorizontalPodAutoscaler, nowMs: number): Promise<readonly DiscoveredResource[]> {
    const { kind, apiVersion = "v1" } = spec.scaleTargetRef;
    const isKnown = kindIn(this.#discovered.resources, kind, apiVersion) !== undefined;
    if (!isKnown || nowMs > this.#discovered.atMs + discoveryMs) {
      const { resources } = await discoverResources(this.#client);
      this.#discovered = { resources, atMs: nowMs };
    }
    return this.#discovered.resources;
  }

  async #targetOf(
    { metadata, spec }: HorizontalPodAutoscaler,
    resources: readonly DiscoveredResource[],
  ): Promise<AutoscalerSnapshot["target"]> {
    const { kind, name, apiVersion = "v1" } = spec.scaleTargetRef;
    const type = kindIn(resources, kind, apiVersion);
    if (type === undefined)
      return { error: `no matches for kind "${kind}" in group "${parseApiVersion(apiVersion).group}"` };
    const prefix = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
    try {
      const path = `${prefix}/namespaces/${metadata.namespace}/${type.resource}/${name}/scale`;
      const scale = (await this.#client.raw(path)) as Scale; // autoscaling/v1 Scale
      return { type, scale };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  #podsOf(namespace: string, selector: string): readonly Pod[] {
    if (selector === "") return [];
    const requirements = parseLabelSelector(selector);
    return this.#pods.lister
      .list({ namespace })
      .filter(({ metadata }) => matchesLabels(requirements, metadata.labels));
  }
}

function kindIn(
  resources: readonly DiscoveredResource[],
  kind: string,
  apiVersion: string,
): DiscoveredResource | undefined {
  const { group } = parseApiVersion(apiVersion);
  return resources.find((each) => each.kind === kind && each.group === group);
}

function remember(memory: Memory, replicas: number, nowMs: number): void {
  const { lastReplicas } = memory;
  if (lastReplicas !== undefined && lastReplicas !== replicas) {
    memory.events.push({ atMs: nowMs, by: replicas - lastReplicas });
  }
  memory.lastReplicas = replicas;
  const isRecent = ({ atMs }: { readonly atMs: number }) => atMs > nowMs - longestWindowMs;
  memory.recommendations = memory.recommendations.filter(isRecent);
  memory.events = memory.events.filter(isRecent);
}
