import { failure } from "../../apimachinery/api-error.ts";
import { type Clause, clausesOf, meets } from "./accept.ts";

export type Encoding = "json" | "yaml" | "protobuf";

/** How an answer is to look: its bytes, and which view of the objects it shows. */
export interface OutputFormat {
  readonly encoding: Encoding;
  /** Absent: the objects themselves. */
  readonly view?: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Of meta.k8s.io, for a view. */
  readonly viewVersion?: "v1" | "v1beta1";
}

/** What can be had. */
export interface Offer {
  /** The binary form of what this server knows by itself; JSON and YAML there always are. */
  readonly protobuf: boolean;
  /** Objects of a custom kind have none, though their metadata has. */
  readonly custom?: boolean;
  /** Objects' metadata alone. */
  readonly views?: boolean;
  readonly tables?: boolean;
}

export const mediaTypes: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};

/** In the order of preference where a client leaves it open. */
export const encodings: readonly Encoding[] = ["json", "yaml", "protobuf"];
const plainJson: OutputFormat = { encoding: "json" };

/** What the Accept header asks for first of what can be had. Throws 406. */
export function negotiateOutput(accept: string | undefined, offer: Offer): OutputFormat {
  const format = acceptableOutput(accept, offer);
  if (format === undefined) throw onlyAccepted(Object.values(mediaTypes));
  return format;
}

/** As `negotiateOutput`; undefined where nothing can be had. */
export function acceptableOutput(accept: string | undefined, offer: Offer): OutputFormat | undefined {
  if (accept === undefined || accept === "" || accept === "application/json" || accept === "*/*")
    return plainJson;
  for (const clause of clausesOf(accept))
    for (const encoding of encodings) {
      if (!meets(clause, mediaTypes[encoding]) || (encoding === "protobuf" && !offer.protobuf)) continue;
      const format = formatOf(clause, encoding, offer);
      if (format !== undefined) return format;
    }
  return undefined;
}

/** Undefined where the clause's parameters ask for what this encoding, or anything here, has not. */
function formatOf(
  { parameters }: Clause,
  encoding: Encoding,
  { custom = false, views = false, tables = views }: Offer,
): OutputFormat | undefined {
  const stream = parameters.get("stream") ?? "";
  if (stream !== "" && (stream !== "watch" || encoding === "yaml")) return undefined;
  const serverVersion = parameters.get("sv") ?? "";
  if (serverVersion !== "" && serverVersion !== "v1") return undefined;
  const view = parameters.get("as");
  const group = parameters.get("g");
  const viewVersion = parameters.get("v");
  if (view === undefined && group === undefined && viewVersion === undefined)
    return custom && encoding === "protobuf" ? undefined : { encoding };
  if (!views || group !== "meta.k8s.io") return undefined;
  if (viewVersion !== "v1" && (viewVersion !== "v1beta1" || encoding === "protobuf")) return undefined;
  if (view === "Table")
    return encoding === "protobuf" || !tables ? undefined : { encoding, view, viewVersion };
  if (view === "PartialObjectMetadata" || view === "PartialObjectMetadataList")
    return { encoding, view, viewVersion };
  return undefined;
}

/**
 * Throws 406 where none of the Accept header's types is among those that a path gives at all: what upstream's router asks,
 * more narrowly and in other words, before anything is negotiated.
 */
export function checkProducible(accept: string | undefined, producible: readonly string[]): void {
  if (accept === undefined || accept === "") return;
  for (const clause of accept.split(",")) {
    const type = (clause.split(";", 1)[0] ?? "").replace(/^ +| +$/g, "");
    if (type === "*/*" || producible.includes(type)) return;
  }
  throw failure(
    406,
    "NotAcceptable",
    `406: Not Acceptable\n\nAvailable representations: ${producible.join(", ")}`,
    {},
  );
}

/** Watches' events come as frames, in fewer encodings than objects. */
export const streamTypes: readonly string[] = [mediaTypes.json, mediaTypes.protobuf].map(
  (type) => `${type};stream=watch`,
);

/** 406 for a watch. */
export function notAcceptableStream(): Error {
  return onlyAccepted(streamTypes);
}

function onlyAccepted(types: readonly string[]): Error {
  return failure(406, "NotAcceptable", `only the following media types are accepted: ${types.join(", ")}`);
}

/** The encoding of a body. No content type means JSON. Throws 415. */
export function negotiateInput(contentType: string | undefined): Encoding {
  if (contentType === undefined || contentType === "" || contentType === "application/json") return "json";
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const encoding = encodings.find((each) => mediaTypes[each] === type);
  if (encoding !== undefined) return encoding;
  throw failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${Object.values(mediaTypes).join(", ")}`,
  );
}
