import type { ResourceDefinition } from "../../api/definition.ts";
import { sha256 } from "../../base/sha256.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import type { ExtensionVersion } from "../aggregation/extension-discovery.ts";
import { mediaTypes, negotiateOutput } from "../content/negotiate.ts";
import { storageVersionOf } from "../content/views.ts";
import { methodNotAllowed } from "../handlers/dispatch.ts";
import type { NonResourceHandler } from "../non-resource.ts";
import { bytesResponse } from "../non-resource.ts";
import type { ResourceTable } from "../resource-table.ts";
import type { DiscoveredGroup } from "./documents.ts";
import {
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  discoverGroups,
} from "./documents.ts";

interface DiscoveryOptions {
  readonly serverAddress: () => string;
  /** What other servers serve behind this one. */
  readonly extensions?: {
    /** Grows with every change of `versions`. */
    readonly generation: number;
    readonly versions: readonly ExtensionVersion[];
  };
}

/** Serves /api, /apis and below. Documents are made once for each state of the resource table. */
export function discoveryHandler(table: ResourceTable, options: DiscoveryOptions): NonResourceHandler {
  return new Discovery(table, options);
}

class Discovery implements NonResourceHandler {
  readonly #table: ResourceTable;
  readonly #options: DiscoveryOptions;
  readonly #aggregated = new Map<string, Promise<Aggregated>>();
  #generation = -1;
  #groups: readonly DiscoveredGroup[] = [];
  #hashes: ReadonlyMap<string, string> = new Map();

  constructor(table: ResourceTable, options: DiscoveryOptions) {
    this.#table = table;
    this.#options = options;
  }

  get paths(): readonly string[] {
    const { extensions } = this.#options;
    const groups = discoverGroups(this.#table.definitions(), extensions?.versions).filter(
      ({ group }) => group !== "",
    );
    const below = groups.flatMap(({ group, versions }) => [
      `/apis/${group}`,
      ...versions.map((version) => `/apis/${group}/${version}`),
    ]);
    return ["/api", "/api/v1", "/apis", ...below];
  }

  async handle(request: ApiRequest): Promise<ApiResponse | undefined> {
    const [root, ...rest] = request.path.split("/").filter((segment) => segment !== "");
    if ((root !== "api" && root !== "apis") || rest.length > 2) return undefined;
    if (request.method !== "GET") throw methodNotAllowed();
    this.#refresh();
    if (rest.length === 0) return this.#rootDocument(request, root);
    const [first = "", second] = rest;
    const name = root === "api" ? "" : first;
    const version = root === "api" ? first : second;
    const group = this.#groups.find((candidate) => candidate.group === name);
    if (group === undefined || (root === "api" && rest.length > 1)) return undefined;
    if (version === undefined) return documentResponse(request, apiGroup(group));
    if (!group.versions.includes(version)) return undefined;
    const hashOf = (definition: ResourceDefinition) => this.#hashes.get(hashKey(definition)) ?? "";
    return documentResponse(request, apiResourceList(group, version, hashOf));
  }

  #refresh(): void {
    const { extensions } = this.#options;
    const generation = this.#table.generation + (extensions?.generation ?? 0);
    if (this.#generation === generation) return;
    const groups = discoverGroups(this.#table.definitions(), extensions?.versions);
    const hashes = new Map<string, string>();
    for (const definition of groups.flatMap(({ definitions }) => definitions))
      hashes.set(hashKey(definition), storageVersionHash(definition));
    this.#groups = groups;
    this.#hashes = hashes;
    this.#aggregated.clear();
    this.#generation = generation;
  }

  async #rootDocument(request: ApiRequest, root: "api" | "apis"): Promise<ApiResponse> {
    const version = aggregatedVersion(request.headers.accept);
    if (version !== undefined) return this.#aggregatedDocument(request, root, version);
    const document = root === "api" ? apiVersions(this.#options.serverAddress()) : apiGroupList(this.#groups);
    return documentResponse(request, document);
  }

  async #aggregatedDocument(
    request: ApiRequest,
    root: "api" | "apis",
    version: "v2" | "v2beta1",
  ): Promise<ApiResponse> {
    const key = `${root} ${version}`;
    let document = this.#aggregated.get(key);
    if (document === undefined) {
      const members = this.#groups.filter(({ group }) => (group === "") === (root === "api"));
      document = withEtag(aggregatedDiscovery(members, version));
      this.#aggregated.set(key, document);
    }
    const { bytes, etag } = await document;
    const headers = { etag, vary: "Accept", "cache-control": "public" };
    if (request.headers["if-none-match"] === etag) return bytesResponse(304, new Uint8Array(), headers);
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    return bytesResponse(200, bytes, { ...headers, "content-type": contentType });
  }
}

interface Aggregated {
  readonly bytes: Uint8Array;
  /** Quoted, as the header has it. */
  readonly etag: string;
}

async function withEtag(document: object): Promise<Aggregated> {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  return { bytes, etag: `"${digest.toHex().toUpperCase()}"` };
}

/** The aggregated form the client asks for before the plain one. */
function aggregatedVersion(accept: string | undefined): "v2" | "v2beta1" | undefined {
  for (const clause of accept?.split(",") ?? []) {
    const parameters = clause.split(";").map((part) => part.trim());
    if (parameters[0] !== mediaTypes.json && parameters[0] !== "*/*") continue;
    if (!parameters.includes("as=APIGroupDiscoveryList")) {
      if (parameters.length === 1) return undefined;
      continue;
    }
    if (!parameters.includes("g=apidiscovery.k8s.io")) continue;
    if (parameters.includes("v=v2")) return "v2";
    if (parameters.includes("v=v2beta1")) return "v2beta1";
  }
  return undefined;
}

function documentResponse(request: ApiRequest, object: object): ApiResponse {
  const { encoding } = negotiateOutput(request.headers.accept, { protobuf: false, views: false });
  return { type: "object", status: 200, headers: { "content-type": mediaTypes[encoding] }, object };
}

function hashKey({ group, kind }: ResourceDefinition): string {
  return `${group}/${kind}`;
}

/** Changes when objects come to be stored in another version: eight bytes of a digest. */
function storageVersionHash(definition: ResourceDefinition): string {
  const group = definition.storedAs?.group ?? definition.group;
  const text = `${group}/${storageVersionOf(definition)}/${definition.kind}`;
  return sha256(new TextEncoder().encode(text)).subarray(0, 8).toBase64();
}
