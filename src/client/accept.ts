import * as resources from "../api/resources.generated.ts";
import type { KubeObject, ResourceType } from "../apimachinery/meta.ts";

/** Metadata alone, of one object or of a list. */
export type MetadataView = "PartialObjectMetadata" | "PartialObjectMetadataList";

const json = "application/json";
const protobuf = "application/vnd.kubernetes.protobuf";

/** Kinds that protobuf can be read of, by where they are served. Made when it is first asked for. */
let builtIn: ReadonlySet<string> | undefined;

const placeOf = ({ group, version, resource, kind }: ResourceType<KubeObject>) =>
  `${group}/${version}/${resource} ${kind}`;

/**
 * What a list or a watch asks for: protobuf first where this library can read it, and JSON from a server that has nothing
 * else. Custom kinds have no protobuf, but their metadata alone have.
 */
export function acceptOf(
  type: ResourceType<KubeObject>,
  { view, binary }: { readonly view: MetadataView | undefined; readonly binary: boolean },
): string {
  if (view !== undefined) {
    const parameters = `as=${view};g=meta.k8s.io;v=v1`;
    const inJson = `${json};${parameters},${json}`;
    return binary ? `${protobuf};${parameters},${inJson}` : inJson;
  }
  if (!binary) return json;
  builtIn ??= new Set(Object.values(resources).map(placeOf));
  return builtIn.has(placeOf(type)) ? `${protobuf},${json}` : json;
}
