import { defaultThresholds, type EvictionThresholds } from "./eviction/pressure.ts";
import type { NodeDns } from "./resolv-conf.ts";

/** The kubelet's settings as upstream's KubeletConfiguration tells them (`/configz`). */
export function kubeletConfiguration(options: {
  readonly dns: NodeDns;
  readonly cgroupRoot?: string;
  readonly serverPort: number;
  readonly maxPods?: number;
  readonly allowedUnsafeSysctls?: readonly string[];
  readonly staticPodPath?: string;
  readonly logs?: { readonly maxBytes?: number; readonly maxFiles?: number };
  readonly imageGarbage?: { readonly highPercent?: number; readonly lowPercent?: number };
  readonly eviction?: EvictionThresholds;
}): object {
  const { dns, cgroupRoot = "", serverPort, maxPods = 110, allowedUnsafeSysctls = [], logs } = options;
  return {
    kind: "KubeletConfiguration",
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    port: serverPort,
    maxPods,
    clusterDomain: dns.clusterDomain,
    clusterDNS: dns.clusterDns,
    cgroupRoot: cgroupRoot === "" ? "/" : cgroupRoot,
    cgroupDriver: "cgroupfs",
    allowedUnsafeSysctls,
    ...(options.staticPodPath === undefined ? {} : { staticPodPath: options.staticPodPath }),
    containerLogMaxSize: `${(logs?.maxBytes ?? 10 * 2 ** 20) / 2 ** 20}Mi`,
    containerLogMaxFiles: logs?.maxFiles ?? 5,
    imageGCHighThresholdPercent: options.imageGarbage?.highPercent ?? 85,
    imageGCLowThresholdPercent: options.imageGarbage?.lowPercent ?? 80,
    evictionHard: evictionHard(options.eviction ?? defaultThresholds),
    imageMinimumGCAge: "2m0s",
    nodeStatusUpdateFrequency: "10s",
    nodeStatusReportFrequency: "5m0s",
    nodeLeaseDurationSeconds: 40,
    serializeImagePulls: false,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: "Webhook" },
  };
}

function evictionHard({ memoryBytes, diskShare, inodeShare }: EvictionThresholds): object {
  const percent = (share: number) => `${Math.round(share * 100)}%`;
  return {
    "memory.available": `${memoryBytes / 2 ** 20}Mi`,
    "nodefs.available": percent(diskShare),
    "nodefs.inodesFree": percent(inodeShare),
  };
}
