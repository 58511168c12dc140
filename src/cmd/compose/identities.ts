import type { UserInfo } from "../../client/exchange.ts";

/** Who the components are when they reach the API server in its own process. */
export const identities = {
  controllerManager: {
    name: "system:kube-controller-manager",
    groups: ["system:masters", "system:authenticated"],
  },
  scheduler: { name: "system:kube-scheduler", groups: ["system:authenticated"] },
  proxy: { name: "system:kube-proxy", groups: ["system:authenticated"] },
  /** Services and endpoints of kube-system: what a DNS add-on's installer may do. */
  dns: { name: "system:k8ts-dns", groups: ["system:masters", "system:authenticated"] },
} as const satisfies Record<string, UserInfo>;

export function nodeIdentity(nodeName: string): UserInfo {
  return { name: `system:node:${nodeName}`, groups: ["system:nodes", "system:authenticated"] };
}
