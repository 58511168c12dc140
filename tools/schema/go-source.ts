/**
 * Reads the facts of API packages from their Go declarations: which fields a struct has, in what order, under what JSON
 * name and protobuf number, and whether Go can tell absence from zero (pointers) or omits zero (omitempty).
 */
export interface GoField {
  /** Undefined for an embedded struct. */
  readonly name: string | undefined;
  readonly goType: string;
  /** "" for an inlined struct. */
  readonly json: string;
  readonly inline: boolean;
  readonly omitEmpty: boolean;
  readonly omitZero: boolean;
  /** Undefined where the field is not in the protobuf message (TypeMeta). */
  readonly protoNumber: number | undefined;
  readonly patchStrategy: string | undefined;
  readonly patchMergeKey: string | undefined;
  /** The JSON text after `+default=`. */
  readonly defaultJson: string | undefined;
}

export interface GoPackage {
  /** The API group's name: "" for core, "apps". */
  readonly group: string;
  readonly folder: string;
  readonly version: string;
  readonly structs: ReadonlyMap<string, readonly GoField[]>;
  /** Named types that are not structs: `ResourceList` is `map[ResourceName]resource.Quantity`. */
  readonly aliases: ReadonlyMap<string, string>;
  /** Values of the string types marked as enumerations; `v1.IPv4Protocol` is another package's constant. */
  readonly enums: ReadonlyMap<string, readonly string[]>;
  /** Its string constants. */
  readonly constants: ReadonlyMap<string, string>;
  /** Import alias to import path. */
  readonly imports: ReadonlyMap<string, string>;
  /** Message names of the package's generated.proto with their field numbers by name. */
  readonly messages: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export function parseGoPackage(
  place: { readonly group: string; readonly folder: string; readonly version: string },
  sources: readonly string[],
  proto: string,
): GoPackage {
  const structs = new Map<string, GoField[]>();
  const aliases = new Map<string, string>();
  const imports = new Map<string, string>();
  const enums = new Map<string, string[]>();
  const constants = new Map(sources.flatMap(constantsOf));
  for (const source of sources) {
    for (const [, alias, path = ""] of source.matchAll(/^\s*(?:import )?(\w+ )?"([\w./-]+)"$/gm))
      imports.set(alias?.trim() ?? path.slice(path.lastIndexOf("/") + 1), path);
    readDeclarations(source, structs, aliases, enums, constants);
  }
  for (const source of sources) readEnumValues(source, enums, aliases);
  return { ...place, structs, aliases, imports, enums, constants, messages: parseMessages(proto) };
}

function readDeclarations(
  source: string,
  structs: Map<string, GoField[]>,
  aliases: Map<string, string>,
  enums: Map<string, string[]>,
  constants: ReadonlyMap<string, string>,
): void {
  let comments: string[] = [];
  let fields: GoField[] | undefined;
  for (const line of source.split("\n")) {
    const text = line.trim();
    if (text.startsWith("//")) {
      comments.push(text.slice(2).trim());
      continue;
    }
    const struct = /^type (\w+) struct ?\{(\})?/.exec(line);
    const alias = /^type (\w+) =? ?([\w.[\]*]+)$/.exec(line);
    if (struct !== null) {
      fields = [];
      structs.set(struct[1] ?? "", fields);
      if (struct[2] !== undefined) fields = undefined;
    } else if (alias !== null) {
      aliases.set(alias[1] ?? "", alias[2] ?? "");
      if (comments.includes("+enum")) enums.set(alias[1] ?? "", []);
    } else if (line.startsWith("}")) {
      fields = undefined;
    } else if (fields !== undefined) {
      const field = parseField(text, comments, constants);
      if (field !== undefined) fields.push(field);
    }
    if (text !== "" || fields === undefined) comments = [];
  }
}

function parseField(
  text: string,
  comments: readonly string[],
  constants: ReadonlyMap<string, string>,
): GoField | undefined {
  const match = /^(?:(\w+)\s+)?([\w.[\]*]+)\s+`([^`]*)`/.exec(text);
  if (match === null) return undefined;
  const [, name, goType = "", tags = ""] = match;
  const tag = (key: string) => new RegExp(`(?:^|\\s)${key}:"([^"]*)"`).exec(tags)?.[1];
  const [json = "", ...options] = (tag("json") ?? "-").split(",");
  if (json === "-") return undefined;
  const number = /^[a-z0-9]+,(\d+)/.exec(tag("protobuf") ?? "")?.[1];
  return {
    name,
    goType,
    json,
    inline: options.includes("inline"),
    omitEmpty: options.includes("omitempty"),
    omitZero: options.includes("omitzero"),
    protoNumber: number === undefined ? undefined : Number(number),
    patchStrategy: tag("patchStrategy"),
    patchMergeKey: tag("patchMergeKey"),
    defaultJson: defaultOf(comments, constants),
  };
}

/** A value, or `ref(…)`: a constant's. */
function defaultOf(comments: readonly string[], constants: ReadonlyMap<string, string>): string | undefined {
  const text = comments.find((comment) => comment.startsWith("+default="))?.slice("+default=".length);
  const reference = /^ref\(([\w./-]+)\)$/.exec(text ?? "")?.[1];
  return reference === undefined ? text : JSON.stringify(constants.get(reference));
}

function constantsOf(source: string): (readonly [name: string, value: string])[] {
  const found = source.matchAll(/^\s*(?:const )?(\w+)(?:\s+\w+)?\s*=\s*"([^"]*)"/gm);
  return [...found].map(([, name = "", value = ""]) => [name, value]);
}

function readEnumValues(
  source: string,
  enums: ReadonlyMap<string, string[]>,
  aliases: ReadonlyMap<string, string>,
): void {
  const typed = source.matchAll(/^\s*(?:const )?\w+\s+(\w+)\s*=\s*"([^"]*)"/gm);
  const converted = source.matchAll(/^\s*(?:const )?\w+\s*=\s*(\w+)\((?:"([^"]*)"|(\w+\.\w+))\)/gm);
  for (const [, type = "", text, constant = ""] of [...typed, ...converted]) {
    const value = text ?? constant;
    const values = enums.get(type) ?? enums.get(aliases.get(type) ?? "");
    if (values !== undefined && !values.includes(value)) values.push(value);
  }
}

function parseMessages(proto: string): Map<string, Map<string, number>> {
  const messages = new Map<string, Map<string, number>>();
  for (const [, name = "", body = ""] of proto.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = new Map<string, number>();
    for (const [, field = "", number] of body.matchAll(
      /^\s+(?:(?:optional|repeated|required) [\w.]+|map<[^>]+>) (\w+) = (\d+)/gm,
    ))
      fields.set(field, Number(number));
    messages.set(name, fields);
  }
  return messages;
}
