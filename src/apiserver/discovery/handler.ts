import type { ResourceDefinition } from "../../api/definition.ts";
import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import { encodeBase64, hexOf } from "../../base/base64.ts";
import { sha256 } from "../../base/sha256.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import type { ExtensionVersion } from "../aggregation/extension-discovery.ts";
import { clausesOf, meets } from "../content/accept.ts";
import {
  checkProducible,
  type Encoding,
  encodings,
  mediaTypes,
  negotiateOutput,
} from "../content/negotiate.ts";
import { storageVersionOf } from "../content/views.ts";
import type { NonResourceHandler } from "../non-resource.ts";
import { bytesResponse } from "../non-resource.ts";
import type { ResourceTable } from "../resource-table.ts";
import { methodNotAllowed } from "../router-refusals.ts";
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
  readonly protobuf?: ProtobufCodec | undefined;
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
    return ["/api", "/api/v1", "/apis", "/apis/", ...below];
  }

  async handle(request: ApiRequest): Promise<ApiResponse | undefined> {
    const [root, ...rest] = request.path.split("/").filter((segment) => segment !== "");
    if ((root !== "api" && root !== "apis") || rest.length > 2) return undefined;
    this.#refresh();
    // What lists groups is no part of upstream's router and asks for no method.
    const anyMethod = root === "apis" && rest.length < 2;
    if (request.method !== "GET" && !anyMethod) {
      if (root === "api" && rest.length > 0 && rest[0] !== "v1") return undefined;
      throw methodNotAllowed();
    }
    if (rest.length === 0) return this.#rootDocument(request, root);
    const [first = "", second] = rest;
    const name = root === "api" ? "" : first;
    const version = root === "api" ? first : second;
    const group = this.#groups.find((candidate) => candidate.group === name);
    if (group === undefined || (root === "api" && rest.length > 1)) return undefined;
    if (version === undefined) return this.#plainDocument(request, apiGroup(group));
    if (!group.versions.includes(version)) return undefined;
    const hashOf = (definition: ResourceDefinition) => this.#hashes.get(hashKey(definition)) ?? "";
    return this.#plainDocument(request, apiResourceList(group, version, hashOf));
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
    const encoding = aggregatedEncoding(request.headers.accept, this.#options.protobuf !== undefined);
    if (encoding !== undefined) return this.#aggregatedDocument(request, root, encoding);
    const document = root === "api" ? apiVersions(this.#options.serverAddress()) : apiGroupList(this.#groups);
    return this.#plainDocument(request, document);
  }

  #plainDocument(request: ApiRequest, object: object): ApiResponse {
    const { accept } = request.headers;
    checkProducible(accept, Object.values(mediaTypes));
    const { encoding } = negotiateOutput(accept, { protobuf: this.#options.protobuf !== undefined });
    return { type: "object", status: 200, headers: { "content-type": mediaTypes[encoding] }, object };
  }

  async #aggregatedDocument(
    request: ApiRequest,
    root: "api" | "apis",
    encoding: Encoding,
  ): Promise<ApiResponse> {
    let document = this.#aggregated.get(root);
    if (document === undefined) {
      const members = this.#groups.filter(({ group }) => (group === "") === (root === "api"));
      document = withEtag(aggregatedDiscovery(members));
      this.#aggregated.set(root, document);
    }
    const { object, etag } = await document;
    const caching = { etag, vary: "Accept", "cache-control": "public" };
    if (request.headers["if-none-match"] === etag) return bytesResponse(304, new Uint8Array(), caching);
    const headers = {
      ...caching,
      "content-type": `${mediaTypes[encoding]};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`,
    };
    const { protobuf } = this.#options;
    // Its groups name no kind of their own: it is no list that could be sent a piece at a time.
    if (encoding === "protobuf" && protobuf !== undefined)
      return bytesResponse(200, protobuf.encode(object), headers);
    return { type: "object", status: 200, headers, object };
  }
}

interface Aggregated {
  readonly object: object;
  /** Quoted, as the header has it. */
  readonly etag: string;
}

async function withEtag(object: object): Promise<Aggregated> {
  const bytes = new TextEncoder().encode(JSON.stringify(object));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
  return { object, etag: `"${hexOf(digest).toUpperCase()}"` };
}

/** The encoding in which a client takes the aggregated form, which goes before the plain one wherever it is asked for. */
function aggregatedEncoding(accept: string | undefined, hasProtobuf: boolean): Encoding | undefined {
  for (const clause of clausesOf(accept ?? "")) {
    const { parameters } = clause;
    if (parameters.get("as") !== "APIGroupDiscoveryList" || parameters.get("v") !== "v2") continue;
    if (parameters.get("g") !== "apidiscovery.k8s.io") continue;
    const met = encodings.find((each) => meets(clause, mediaTypes[each]));
    if (met !== undefined && (met !== "protobuf" || hasProtobuf)) return met;
  }
  return undefined;
}

function hashKey({ group, kind }: ResourceDefinition): string {
  return `${group}/${kind}`;
}

/** Changes when objects come to be stored in another version: eight bytes of a digest. */
function storageVersionHash(definition: ResourceDefinition): string {
  const group = definition.storedAs?.group ?? definition.group;
  const text = `${group}/${storageVersionOf(definition)}/${definition.kind}`;
  return encodeBase64(sha256(new TextEncoder().encode(text)).subarray(0, 8));
}
