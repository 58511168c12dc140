import { configMaps, type HostileRequest, longMap } from "./bodies.ts";

/** Patches, queries, paths and headers of ill will, each with the answers that are right. */

const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

type Patch = readonly [name: string, patch: unknown, ...want: number[]];

function patches(format: string, path: string, table: readonly Patch[]): HostileRequest[] {
  return table.map(([name, patch, ...want]) => ({
    name: `${format}: ${name}`,
    method: "PATCH",
    path,
    contentType: format === "apply" ? "application/apply-patch+yaml" : `application/${format}+json`,
    body: typeof patch === "string" ? patch : JSON.stringify(patch),
    want: want.length === 0 ? [400, 422] : want,
  }));
}

const items = many(200_000, () => "a");

export const patchRequests: readonly HostileRequest[] = [
  ...["json-patch", "merge-patch", "strategic-merge-patch", "apply"].flatMap((format) =>
    patches(format, format === "apply" ? `${longMap}?fieldManager=h` : longMap, [
      ["nothing", ""],
      ["truncated", "{"],
      // As Go reads it, a patch of no operations or of no fields.
      ["null", "null", ...(/json|strategic/.test(format) ? [200] : [])],
      ["a number", "1"],
      ["a list with a number", "[1]"],
      ["__proto__", '{"__proto__":{"polluted":1}}'],
      ["__proto__ among labels", '{"metadata":{"labels":{"__proto__":"x"}}}'],
      ["metadata of another type", '{"metadata":1}'],
      ["a depth bomb", `{"data":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`],
    ]),
  ),
  ...patches("json-patch", longMap, [
    [
      "ten thousand keys more in a long map",
      many(10_000, (i) => ({ op: "add", path: `/data/n${i}`, value: "v" })),
      200,
    ],
    ["one operation too many", many(10_001, (i) => ({ op: "add", path: `/data/n${i}`, value: "v" })), 413],
    [
      "insertions at the head of a long list",
      [
        { op: "add", path: "/metadata/finalizers", value: items },
        ...many(9_999, () => ({ op: "add", path: "/metadata/finalizers/0", value: "x" })),
      ],
      413,
    ],
    [
      "copies that double",
      [
        { op: "add", path: "/data/x", value: "x".repeat(100_000) },
        ...many(64, (i) => ({ op: "copy", from: "/data", path: `/data/c${i}` })),
      ],
    ],
    ["the whole into itself", many(30, () => ({ op: "copy", from: "", path: "/data/x" }))],
    [
      "a value nested by moves",
      [
        { op: "add", path: "/a", value: {} },
        ...many(3_000, () => [
          { op: "move", from: "/a", path: "/b" },
          { op: "add", path: "/a", value: {} },
          { op: "move", from: "/b", path: "/a/c" },
        ]).flat(),
      ],
    ],
    ["deep by copies", many(40, () => ({ op: "copy", from: "/metadata", path: "/metadata/labels" }))],
    ["a pointer of a million tokens", [{ op: "add", path: "/a".repeat(1_000_000), value: 1 }]],
    ["a pointer to a prototype", [{ op: "add", path: "/__proto__/polluted", value: 1 }]],
    [
      "a pointer to a constructor's prototype",
      [{ op: "add", path: "/constructor/prototype/polluted", value: 1 }],
    ],
    ["__proto__ as a key", [{ op: "add", path: "/metadata/__proto__", value: { polluted: 1 } }]],
    ["an index without end", [{ op: "add", path: "/metadata/finalizers/99999999999999999999", value: "x" }]],
    ["the whole removed", [{ op: "remove", path: "" }]],
    ["an operation that nobody knows", [{ op: "constructor", path: "/a" }]],
  ]),
  ...patches("strategic-merge-patch", longMap, [
    // What does not fit is a fault of the server, as upstream has it.
    ["a directive that nobody knows", { metadata: { $patch: "__proto__" } }, 500],
    ["a directive of another type", { $patch: {} }, 500],
    ["keys to retain of another type", { metadata: { $retainKeys: 5 } }],
    ["an order of another type", { metadata: { "$setElementOrder/finalizers": {} } }, 500],
    // It deletes nothing.
    ["a deletion of another type", { metadata: { "$deleteFromPrimitiveList/finalizers": 1 } }, 200],
    ["lists of lists", { metadata: { ownerReferences: [[]] } }],
    [
      "a long order",
      { metadata: { finalizers: items.slice(0, 9), "$setElementOrder/finalizers": many(100_000, String) } },
      500,
    ],
  ]),
];

const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

export const queryRequests: readonly HostileRequest[] = (
  [
    ["labelSelector=a%20in%20("],
    [`labelSelector=${"a,".repeat(7_000)}`],
    [`labelSelector=${"(".repeat(7_000)}`],
    ["labelSelector=__proto__"],
    ["labelSelector=constructor%3Dx", 200],
    ["labelSelector=%00"],
    ["labelSelector=%ff"],
    ["labelSelector=!"],
    ["fieldSelector=__proto__%3Da"],
    ["fieldSelector=constructor%3Dx"],
    ["fieldSelector=metadata.name%3D%5C"],
    ["fieldSelector=%00"],
    ["continue=x"],
    [`continue=${"A".repeat(8_000)}`],
    [`continue=${token(null)}`],
    [`continue=${token([])}`],
    [`continue=${token(1)}`],
    [`continue=${token({ v: "meta.k8s.io/v1", rv: 1, start: "../../secrets" })}`],
    [`continue=${token({ v: "meta.k8s.io/v1", rv: {}, start: [] })}`],
    [`continue=${token({ v: "__proto__", rv: 1, start: "a" })}`],
    [`continue=${token({ v: "meta.k8s.io/v1", rv: 2 ** 53, start: "a" })}`],
    ["limit=x"],
    ["limit=1e99"],
    ["limit=99999999999999999999"],
    ["resourceVersion=x"],
    ["resourceVersion=-1"],
    ["resourceVersion=1e5"],
    ["resourceVersion=99999999999999999999999"],
    ["resourceVersion=__proto__"],
    ["resourceVersionMatch=zzz", 422],
    ["watch=true&resourceVersion=x", 500],
    ["watch=true&timeoutSeconds=x"],
    ["watch=true&sendInitialEvents=x", 422],
    ["__proto__=1&constructor=2", 200],
    ["a=%zz&%E0%A4%A", 200],
  ] as const
).map(([query, ...want]) => ({
  name: `?${query.slice(0, 60)}`,
  method: "GET",
  path: `${configMaps}?${query}`,
  want: want.length === 0 ? [400] : want,
}));

export const pathRequests: readonly HostileRequest[] = (
  [
    [`/${"/".repeat(16_000)}a`, 404],
    [`/api/v1/${"/".repeat(16_000)}x/`, 404],
    [`/healthz/${"/".repeat(16_000)}x`, 404],
    [`/${"a".repeat(17_000)}`, 400, 414],
    ["/api/v1/namespaces/..%2f..%2fsecrets", 404],
    ["/api/v1/namespaces/default/pods/__proto__", 404],
    ["/api/v1/__proto__", 404],
    ["/apis/__proto__/v1/x", 404],
    ["/apis/constructor", 404],
    ["/apis/apps/v1/constructor", 404],
    ["/api/v1/namespaces/default/configmaps/long/constructor", 404],
    ["/api/v1/nodes/..%2f..%2fetc/proxy/", 404],
    ["/api/v1/nodes/__proto__/proxy/", 404],
    ["/api/v1/namespaces/default/services/http:a:b:c/proxy/x", 400],
    ["/api/v1/namespaces/default/services/__proto__:80/proxy/", 400],
    ["/api/v1/namespaces/default/pods/..:80/proxy/", 400, 404],
    ["/openapi/v3/apis/__proto__/v1", 404],
    ["/logs/../etc/passwd", 404],
    ["/%", 400],
    ["/%ff", 400],
    ["/api/%e0%80%80", 400],
    ["*", 400],
    ["http://elsewhere/api/v1", 400],
    ["//elsewhere/api", 404],
  ] as const
).map(([path, ...want]) => ({ name: path.slice(0, 60), method: "GET", path, want }));

export const headerRequests: readonly HostileRequest[] = (
  [
    ["accept", "a,".repeat(20_000), 406],
    ["accept", ";q=,".repeat(10_000), 406],
    ["accept", "application/json;as=__proto__;g=meta.k8s.io;v=v1", 406],
    ["accept", "application/json;as=Table;g=meta.k8s.io;v=constructor", 406],
    ["accept-encoding", `gzip${" ".repeat(50_000)}x`, 200],
    ["accept-encoding", `gzip;q=0.${"0".repeat(50_000)}x`, 200],
    ["authorization", `Bearer ${"a.".repeat(20_000)}`, 200, 401],
    ["audit-id", "a".repeat(30_000), 200],
    ["content-type", ";;;", 200],
    ["x-remote-user", "root", 200],
    ["range", "bytes=0-1", 200],
  ] as const
).map(([name, value, ...want]) => ({
  name: `${name}: ${value.slice(0, 30)}`,
  method: "GET",
  path: longMap,
  headers: { [name]: value },
  want,
}));
