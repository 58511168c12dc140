import type { Node } from "../api/core/types.generated.ts";

export interface Route {
  readonly destination: string;
  readonly gateway: string;
}

/** The way to the pods of every other node: through that node's address. */
export function routesToPods(nodes: readonly Node[], nodeName: string): Route[] {
  const routes: Route[] = [];
  for (const node of nodes) {
    if (node.metadata.name === nodeName) continue;
    const address = node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
    if (address === undefined) continue;
    for (const destination of node.spec?.podCIDRs ??
      (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR])) {
      if (destination.includes(":") === address.includes(":")) routes.push({ destination, gateway: address });
    }
  }
  return routes.sort((a, b) => (a.destination < b.destination ? -1 : 1));
}

/** What to do to go from the routes that are to those that should be. */
export function routeChanges(
  have: readonly Route[],
  want: readonly Route[],
): { remove: Route[]; add: Route[] } {
  const same = (a: Route, b: Route) => a.destination === b.destination && a.gateway === b.gateway;
  return {
    remove: have.filter((route) => !want.some((wanted) => same(wanted, route))),
    add: want.filter((route) => !have.some((present) => same(present, route))),
  };
}
