/** Requests that a well-meaning client does not send, each with the answers that are right. */

export interface HostileRequest {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Status codes, any of which is right. */
  readonly want: readonly number[];
}

export const configMaps = "/api/v1/namespaces/default/configmaps";
/** There for patches: ten thousand keys. */
export const longMap = `${configMaps}/long`;

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const repeated = (text: string, count: number) => text.repeat(count);

function posts(
  contentType: string,
  table: readonly (readonly [name: string, body: string | Uint8Array, ...want: number[]])[],
): HostileRequest[] {
  return table.map(([name, body, ...want]) => ({
    name,
    method: "POST",
    path: configMaps,
    contentType,
    body,
    want: want.length === 0 ? [400] : want,
  }));
}

const depthBomb = (open: string, close: string, count: number) =>
  `${repeated(open, count)}1${repeated(close, count)}`;

export const jsonBodies = posts("application/json", [
  ["nothing", ""],
  ["truncated JSON", '{"metadata":{"name":"a"'],
  ["null, which is an empty object", "null", 422],
  ["a number", "1"],
  ["a list", "[]"],
  ["a string", '"x"'],
  ["half a million open lists", repeated("[", 500_000)],
  ["a depth bomb of objects", depthBomb('{"a":', "}", 300_000)],
  [
    "a depth bomb in an annotation",
    `{"metadata":{"annotations":${repeated("[", 300_000)}${repeated("]", 300_000)}}}`,
  ],
  ["a number of two million digits", `{"metadata":{"name":"n","generation":${repeated("9", 2_000_000)}}}`],
  ["a number beyond int64", '{"metadata":{"name":"n","generation":9223372036854775808}}'],
  ["an infinite number", '{"metadata":{"name":"n","generation":1e400}}'],
  ["a name of two million letters", `{"metadata":{"name":"${repeated("a", 2_000_000)}"}}`, 422],
  ["a name that could backtrack", `{"metadata":{"name":"${repeated("a-", 1_000_000)}!"}}`, 422],
  [
    "a label key that could backtrack",
    `{"metadata":{"name":"l","labels":{"${repeated("a.", 1_000_000)}!":"x"}}}`,
    422,
  ],
  [
    "a label value that could backtrack",
    `{"metadata":{"name":"l","labels":{"a":"${repeated("a_", 1_000_000)}!"}}}`,
    422,
  ],
  ["duplicate keys are the last one's", '{"metadata":{"name":"twice","name":"twice"}}', 201],
  ["__proto__ on top", '{"__proto__":{"polluted":1},"metadata":{"name":"p"}}'],
  ["__proto__ among labels", '{"metadata":{"name":"p","labels":{"__proto__":"x"}}}'],
  ["__proto__ in data", '{"metadata":{"name":"p"},"data":{"__proto__":"x"}}'],
  ["__proto__ by escapes", '{"metadata":{"name":"p"},"data":{"\\u005f_proto__":"x"}}'],
  [
    "names of Object's own members are plain keys",
    '{"metadata":{"name":"members","labels":{"constructor":"x","toString":"y","hasOwnProperty":"z"}},"data":{"constructor":"x","prototype":"y","valueOf":"z"}}',
    201,
  ],
  ["an object named constructor", '{"metadata":{"name":"constructor"}}', 201],
  ["an object named __proto__", '{"metadata":{"name":"__proto__"}}', 422],
  ["metadata of another type", '{"metadata":"x"}'],
  ["type meta of another type", '{"apiVersion":[],"kind":{}}'],
  ["a kind named constructor", '{"apiVersion":"__proto__","kind":"constructor","metadata":{"name":"x"}}'],
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  [
    "UTF-8 in too many bytes",
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
  ],
  [
    "surrogates as UTF-8",
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
  ],
  ["a lone surrogate", '{"metadata":{"name":"surrogate"},"data":{"k":"\\ud800"}}', 201],
  ["NUL in a value", '{"metadata":{"name":"nul"},"data":{"k":"\\u0000"}}', 201],
  ["NUL in a name", '{"metadata":{"name":"n\\u0000l"}}', 422],
  ["UTF-16", Buffer.from('{"metadata":{"name":"x"}}', "utf16le")],
  ["gzip", Buffer.from("1f8b08000000000000ff000000ffff", "hex")],
  ["more than may be sent", repeated(" ", 3 * 1024 * 1024 + 1), 413],
]);

export const yamlBodies = posts("application/yaml", [
  [
    "an alias bomb",
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghij"].map((letter, index) => `${letter}: &${letter} [${many(9, () => `*${"abcdefghi"[index]}`).join(",")}]`).join("\n")}`,
  ],
  ["an alias within its anchor", "metadata: &a {name: self, x: *a}\n"],
  ["merge keys of __proto__", "metadata:\n  name: x\n  labels:\n    <<: {__proto__: {a: b}}\n"],
  ["__proto__ in YAML", "__proto__: {a: b}\nmetadata: {name: x}\n"],
  ["a tag that other libraries run", "metadata: !!js/function 'function () {}'\n"],
  ["the first of several documents counts", "metadata: {name: first}\n---\nmetadata: {name: second}\n", 201],
  ["a hundred thousand open lists", repeated("[", 100_000)],
  ["a hundred thousand dashes", repeated("- ", 100_000)],
  ["a hundred thousand question marks", repeated("? ", 100_000)],
  ["a document of indents", many(2000, (i) => `${repeated(" ", i)}a:`).join("\n")],
  ["an open quote", `"${repeated("\n", 500_000)}`],
  ["commas alone", `[${repeated(",", 50_000)}]`],
  ["unknown aliases", repeated("*a ", 30_000)],
  [
    "twenty thousand keys",
    `metadata: {name: keys}\ndata:\n${many(20_000, (i) => ` k${i}: v`).join("\n")}`,
    201,
  ],
  ["UTF-16 in YAML", Buffer.from("metadata: {name: x}\n", "utf16le")],
]);

const protobuf = (...bytes: number[]) => Buffer.from([0x6b, 0x38, 0x73, 0, ...bytes]);
/** An envelope with these bytes for the object. */
function envelope(raw: Uint8Array, kind = "ConfigMap"): Uint8Array {
  const typeMeta = Buffer.concat([lengthed(10, Buffer.from("v1")), lengthed(18, Buffer.from(kind))]);
  return Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), lengthed(10, typeMeta), lengthed(18, raw)]);
}

function lengthed(tag: number, bytes: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 128) {
      length.push(rest);
      break;
    }
    length.push((rest & 127) | 128);
  }
  return Buffer.concat([Buffer.from([tag]), Buffer.from(length), bytes]);
}

function nested(tag: number, depth: number): Uint8Array {
  let bytes: Uint8Array = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) bytes = lengthed(tag, bytes);
  return bytes;
}

export const protobufBodies: readonly HostileRequest[] = [
  ...posts("application/vnd.kubernetes.protobuf", [
    ["no magic", Buffer.from([0x0a, 0x00])],
    ["another magic", Buffer.from("k8s\x01garbage")],
    ["the magic alone", protobuf(), 400, 422],
    ["a varint without end", protobuf(...many(20, () => 0xff))],
    ["a length past the end", protobuf(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ["a length beyond 2^53", protobuf(0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ["a group", protobuf(0x0b, 0x0c)],
    ["an unknown wire type", protobuf(0x0f)],
    ["field number zero", protobuf(0x02, 0x00)],
    ["a metadata that is a varint", envelope(Buffer.from([0x08, 0x01]))],
    ["a metadata cut short", envelope(Buffer.from([0x0a, 0x05, 0x0a]))],
    [
      "a name that is not UTF-8",
      envelope(lengthed(0x0a, lengthed(0x0a, Buffer.from([0xff, 0xfe])))),
      400,
      422,
    ],
    ["a map's key that is __proto__", envelope(lengthed(18, lengthed(10, Buffer.from("__proto__"))))],
    ["a kind that nobody knows", envelope(Buffer.alloc(0), "constructor")],
    ["nested messages beyond the depth", envelope(nested(0x0a, 5_000)), 400, 422],
    ["garbage after the magic", protobuf(...many(4096, (i) => (i * 7919) & 0xff))],
  ]),
  {
    name: "a schema within a schema, ten thousand deep",
    method: "POST",
    path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    contentType: "application/vnd.kubernetes.protobuf",
    body: Buffer.concat([
      Buffer.from([0x6b, 0x38, 0x73, 0]),
      lengthed(
        10,
        Buffer.concat([
          lengthed(10, Buffer.from("apiextensions.k8s.io/v1")),
          lengthed(18, Buffer.from("CustomResourceDefinition")),
        ]),
      ),
      // spec.versions.schema.openAPIV3Schema, then `not` within `not`.
      lengthed(18, lengthed(0x12, lengthed(0x3a, lengthed(0x22, lengthed(0x0a, notWithinNot(10_000)))))),
    ]),
    want: [400, 415, 422],
  },
];

/** `not` is field 29 of JSONSchemaProps: a tag of two bytes. */
function notWithinNot(depth: number): Uint8Array {
  let bytes: Uint8Array = Buffer.alloc(0);
  for (let level = 0; level < depth; level++)
    bytes = Buffer.concat([Buffer.from([0xea]), lengthed(0x01, bytes)]);
  return bytes;
}
