import { failure } from "../../apimachinery/api-error.ts";

export type Encoding = "json" | "yaml" | "protobuf";

/** How an answer is to look: its bytes, and which view of the objects it shows. */
export interface OutputFormat {
  readonly encoding: Encoding;
  /** Absent: the objects themselves. */
  readonly view?: "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Of meta.k8s.io, for a view. */
  readonly viewVersion?: "v1" | "v1beta1";
}

export const mediaTypes: Readonly<Record<Encoding, string>> = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const plainJson: OutputFormat = { encoding: "json" };
const parsed = new Map<string, readonly Clause[]>();
const parsedLimit = 1000;

/** What the Accept header asks for first of what can be had. Throws 406. */
export function negotiateOutput(
  accept: string | undefined,
  available: { readonly protobuf: boolean; readonly views: boolean },
): OutputFormat {
  if (accept === undefined || accept === "" || accept === "application/json" || accept === "*/*")
    return plainJson;
  for (const clause of clausesOf(accept)) {
    const encoding = encodingOf(clause.type);
    if (encoding === undefined || (encoding === "protobuf" && !available.protobuf)) continue;
    const view = clause.parameters.get("as");
    if (view === undefined) return { encoding };
    const viewVersion = clause.parameters.get("v");
    if (!available.views || clause.parameters.get("g") !== "meta.k8s.io") continue;
    if (viewVersion !== "v1" && viewVersion !== "v1beta1") continue;
    if (view === "Table" && encoding === "protobuf") continue;
    if (view === "Table" || view === "PartialObjectMetadata" || view === "PartialObjectMetadataList")
      return { encoding, view, viewVersion };
  }
  throw notAcceptable(available.protobuf);
}

function notAcceptable(protobuf = true): Error {
  return failure(
    406,
    "NotAcceptable",
    `only the following media types are accepted: ${acceptedTypes(protobuf).join(", ")}`,
  );
}

/** 406 for a watch: its events come as frames, in fewer encodings than objects. */
export function notAcceptableStream(protobuf: boolean): Error {
  const types = protobuf ? [mediaTypes.json, mediaTypes.protobuf] : [mediaTypes.json];
  const accepted = types.map((type) => `${type};stream=watch`).join(", ");
  return failure(406, "NotAcceptable", `only the following media types are accepted: ${accepted}`);
}

function unsupportedMediaType(accepted: readonly string[]): Error {
  return failure(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );
}

function acceptedTypes(protobuf: boolean): readonly string[] {
  return protobuf ? Object.values(mediaTypes) : [mediaTypes.json, mediaTypes.yaml];
}

/** The encoding of a body. No content type means JSON. Throws 415. */
export function negotiateInput(
  contentType: string | undefined,
  available: { readonly protobuf: boolean },
): Encoding {
  if (contentType === undefined || contentType === "" || contentType === "application/json") return "json";
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const encoding = type === "*/*" ? undefined : encodingOf(type);
  if (encoding === undefined || (encoding === "protobuf" && !available.protobuf))
    throw unsupportedMediaType(acceptedTypes(available.protobuf));
  return encoding;
}

/** The best clauses first. Clients repeat themselves, so what was read once is kept. */
function clausesOf(accept: string): readonly Clause[] {
  const known = parsed.get(accept);
  if (known !== undefined) return known;
  const clauses = accept
    .split(",")
    .slice(0, 50)
    .map(parseClause)
    .filter(({ quality }) => quality > 0)
    .sort((left, right) => right.quality - left.quality);
  if (parsed.size >= parsedLimit) parsed.clear();
  parsed.set(accept, clauses);
  return clauses;
}

function parseClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf("=");
    if (equals > 0) parameters.set(part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim());
  }
  const quality = Number(parameters.get("q") ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
}

function encodingOf(type: string): Encoding | undefined {
  switch (type) {
    case "application/json":
    case "application/*":
    case "*/*":
      return "json";
    case "application/yaml":
      return "yaml";
    case "application/vnd.kubernetes.protobuf":
      return "protobuf";
    default:
      return undefined;
  }
}
