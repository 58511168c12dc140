/** What a question in the cluster's domain asks for; names are in lower case, without the final dot. */
export type ClusterQuestion =
  | { readonly kind: "service"; readonly namespace: string; readonly service: string }
  /** One endpoint of a headless service, by its hostname or its dashed address. */
  | { readonly kind: "endpoint"; readonly namespace: string; readonly service: string; readonly host: string }
  | {
      readonly kind: "port";
      readonly namespace: string;
      readonly service: string;
      readonly port: string;
      readonly protocol: string;
    }
  | { readonly kind: "pod"; readonly namespace: string; readonly ip: string }
  /** A name that exists only because names below it do: "svc", a namespace. */
  | { readonly kind: "container"; readonly namespace: string | undefined }
  | { readonly kind: "version" }
  | { readonly kind: "unknown" };

/** Reads a name of the cluster's domain by the Kubernetes DNS specification 1.1; undefined: another domain's. */
export function parseClusterName(name: string, clusterDomain: string): ClusterQuestion | undefined {
  if (name === clusterDomain) return { kind: "container", namespace: undefined };
  if (!name.endsWith(`.${clusterDomain}`)) return undefined;
  const labels = name
    .slice(0, -clusterDomain.length - 1)
    .split(".")
    .reverse();
  const [area, namespace, service, third, fourth, ...rest] = labels;
  if (area === "dns-version" && namespace === undefined) return { kind: "version" };
  if (area === "pod") return podQuestion(labels);
  if (area !== "svc" || rest.length > 0) return { kind: "unknown" };
  if (namespace === undefined) return { kind: "container", namespace: undefined };
  if (service === undefined) return { kind: "container", namespace };
  if (third === undefined) return { kind: "service", namespace, service };
  if (fourth === undefined) {
    return third.startsWith("_")
      ? { kind: "unknown" }
      : { kind: "endpoint", namespace, service, host: third };
  }
  if (!third.startsWith("_") || !fourth.startsWith("_")) return { kind: "unknown" };
  return { kind: "port", namespace, service, port: fourth.slice(1), protocol: third.slice(1) };
}

function podQuestion([, namespace, dashed, ...rest]: readonly string[]): ClusterQuestion {
  if (namespace === undefined) return { kind: "container", namespace: undefined };
  if (dashed === undefined) return { kind: "container", namespace };
  if (rest.length > 0) return { kind: "unknown" };
  const v4 = /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(dashed);
  if (v4 !== null) return { kind: "pod", namespace, ip: v4.slice(1).join(".") };
  return /^[0-9a-f-]+$/.test(dashed)
    ? { kind: "pod", namespace, ip: dashed.replaceAll("-", ":") }
    : { kind: "unknown" };
}

/** The address a reverse name (in-addr.arpa, ip6.arpa) stands for; undefined where it is none. */
export function parseReverseName(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const parts = name.slice(0, -".in-addr.arpa".length).split(".");
    return parts.length === 4 ? parts.reverse().join(".") : undefined;
  }
  if (!name.endsWith(".ip6.arpa")) return undefined;
  const nibbles = name.slice(0, -".ip6.arpa".length).split(".").reverse();
  if (nibbles.length !== 32) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) => nibbles.slice(index * 4, index * 4 + 4).join(""));
  return groups.join(":");
}
