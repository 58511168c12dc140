import type { APIService } from "../../api/apiregistration/types.generated.ts";

/** One version of a group that another server serves, behind a service. */
export interface ExtensionRoute {
  /** Of the APIService: "v1alpha1.wardle.example.com". */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** PEM; absent: the system's authorities. */
  readonly authority?: string;
  readonly insecure: boolean;
  /** As its status says. */
  readonly available: boolean;
}

const defaultPort = 443;

/** Undefined for a version that this server serves itself. */
export function routeOf({ metadata, spec, status }: APIService): ExtensionRoute | undefined {
  const { service, group = "", version = "", caBundle = "" } = spec;
  if (service === undefined) return undefined;
  return {
    name: metadata.name ?? "",
    group,
    version,
    groupPriority: spec.groupPriorityMinimum,
    versionPriority: spec.versionPriority,
    service: {
      namespace: service.namespace ?? "",
      name: service.name ?? "",
      port: service.port ?? defaultPort,
    },
    ...(caBundle === "" ? {} : { authority: atob(caBundle) }),
    insecure: spec.insecureSkipTLSVerify === true,
    available:
      status?.conditions?.some(({ type, status: is }) => type === "Available" && is === "True") === true,
  };
}

/** Where requests go that this server does not answer itself. */
export class ExtensionRoutes {
  readonly #byVersion = new Map<string, ExtensionRoute>();
  #generation = 0;

  /** Grows with every change. */
  get generation(): number {
    return this.#generation;
  }

  get all(): readonly ExtensionRoute[] {
    return [...this.#byVersion.values()];
  }

  set(route: ExtensionRoute): void {
    this.#byVersion.set(`${route.group}/${route.version}`, route);
    this.#generation++;
  }

  remove({ group, version }: Pick<ExtensionRoute, "group" | "version">): void {
    if (this.#byVersion.delete(`${group}/${version}`)) this.#generation++;
  }

  /** The route of `/apis/<group>/<version>` and all below. Costs nothing while there is none. */
  find(path: string): ExtensionRoute | undefined {
    if (this.#byVersion.size === 0) return undefined;
    const [root, first = "", second = ""] = path.split("/", 4).filter((segment) => segment !== "");
    if (root === "apis") return this.#byVersion.get(`${first}/${second}`);
    return root === "api" ? this.#byVersion.get(`/${first}`) : undefined;
  }
}
