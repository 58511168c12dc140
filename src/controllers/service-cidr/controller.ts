import type { IPAddress, ServiceCIDR } from "../../api/networking/types.generated.ts";
import { ipAddresses, serviceCIDRs } from "../../api/resources.generated.ts";
import type { InformerFactory } from "../../client/informer.ts";
import { hasCondition, withCondition } from "../framework/conditions.ts";
import { type Controller, type ReconcileContext, watch } from "../framework/controller.ts";
import { type Intent, update, updateStatus } from "../framework/intent.ts";
import { blocksTouchedBy, parseCidr } from "../node-ipam/cidr.ts";

const finalizer = "networking.k8s.io/service-cidr-finalizer";

export interface ServiceCidrSnapshot {
  readonly cidr: ServiceCIDR;
  readonly others: readonly ServiceCIDR[];
  readonly addresses: readonly IPAddress[];
}

/** Makes a range of service addresses ready, and keeps it as long as an address of it is in use that no other range has. */
export function reconcileServiceCidr(snapshot: ServiceCidrSnapshot, { nowMs }: ReconcileContext): Intent[] {
  const { cidr } = snapshot;
  const finalizers = cidr.metadata.finalizers ?? [];
  const isDeleted = cidr.metadata.deletionTimestamp !== undefined;
  if (!isDeleted) {
    const metadata = {
      ...cidr.metadata,
      finalizers: [...finalizers.filter((name) => name !== finalizer), finalizer],
    };
    const guarded = finalizers.includes(finalizer) ? cidr : { ...cidr, metadata };
    const ready = { type: "Ready", status: "True", reason: "", message: "Kubernetes Service CIDR is ready" };
    const isReady = hasCondition(cidr.status?.conditions, "Ready");
    return [update(serviceCIDRs, cidr, guarded), ...(isReady ? [] : [say(cidr, ready, nowMs)])];
  }
  if (!finalizers.includes(finalizer)) return [];
  if (isNeeded(snapshot)) {
    const message =
      "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
    return [say(cidr, { type: "Ready", status: "False", reason: "Terminating", message }, nowMs)];
  }
  const metadata = { ...cidr.metadata, finalizers: finalizers.filter((name) => name !== finalizer) };
  return [update(serviceCIDRs, cidr, { ...cidr, metadata })];
}

function say(
  cidr: ServiceCIDR,
  condition: {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  },
  nowMs: number,
): Intent {
  const conditions = withCondition(cidr.status?.conditions, { ...condition, lastTransitionTime: "" }, nowMs);
  return updateStatus(serviceCIDRs, cidr, { ...cidr.status, conditions });
}

function isNeeded({ cidr, others, addresses }: ServiceCidrSnapshot): boolean {
  const remaining = others.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return addresses.some(
    ({ metadata: { name = "" } }) => holds(cidr, name) && !remaining.some((other) => holds(other, name)),
  );
}

/** An IPAddress is named after its address. */
function holds({ spec }: ServiceCIDR, address: string): boolean {
  const bits = address.includes(":") ? 128 : 32;
  const single = parseCidr(`${address}/${bits}`);
  return (spec.cidrs ?? []).some((text) => {
    const range = parseCidr(text);
    return range !== undefined && single !== undefined && blocksTouchedBy(range, bits, single) !== undefined;
  });
}

/** Keys are the names of ServiceCIDRs. */
export function serviceCidrController({
  informers,
}: {
  readonly informers: InformerFactory;
}): Controller<ServiceCidrSnapshot> {
  const cidrInformer = informers.informer(serviceCIDRs);
  const addressInformer = informers.informer(ipAddresses);
  const terminating = () =>
    cidrInformer.lister
      .list()
      .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata: { name = "" } }) => name);
  return {
    name: "service-cidr-controller",
    workers: 1,
    watches: [
      watch(cidrInformer, ({ metadata: { name = "" } }) => [name, ...terminating()]),
      watch(addressInformer, terminating, () => false, { ignoresAdded: true }),
    ],
    observe(name) {
      const cidr = cidrInformer.lister.get(name);
      if (cidr === undefined) return undefined;
      const isDeleted = cidr.metadata.deletionTimestamp !== undefined;
      return {
        cidr,
        others: cidrInformer.lister.list().filter((other) => other !== cidr),
        addresses: isDeleted ? addressInformer.lister.list() : [],
      };
    },
    reconcile: reconcileServiceCidr,
  };
}
