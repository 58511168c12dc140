/**
 * What tidy holds the tree to. The layers and the edges are those of docs/design/README.md; the sizes are a
 * ratchet: a file or function over the limit is listed with its size of today, and may shrink but not grow.
 */

/** From the bottom up: a layer imports itself and those before it. A row with several names: they never meet. */
export const layers: readonly (readonly string[])[] = [
  ["src/base"],
  ["src/apimachinery"],
  ["src/api"],
  ["src/storage"],
  ["src/client"],
  ["src/apiserver"],
  ["src/scheduler", "src/controllers", "src/kubelet", "src/network", "src/proxy", "src/dns"],
  ["src/cmd", "src/testing"],
  ["simulation", "bench", "e2e", "examples", "tools"],
];

/** The components: they meet as API objects through the client, and see nothing of the API server. */
export const components: readonly string[] = [
  "src/scheduler",
  "src/controllers",
  "src/kubelet",
  "src/network",
  "src/proxy",
  "src/dns",
];

/** Where I/O, wall time and randomness may be touched: folders (ending in "/") or files. */
export const edges: readonly string[] = [
  "src/base/system-clock.ts",
  "src/base/system-random.ts",
  "src/base/virtual-clock.ts",
  "src/base/nft.ts",
  "src/storage/sqlite/",
  "src/storage/etcd/",
  "src/storage/encryption/",
  "src/client/transport/",
  "src/client/streaming/",
  "src/apiserver/http/",
  "src/apiserver/audit/log-file/",
  "src/apiserver/profiling/",
  "src/apiserver/pki/",
  "src/kubelet/cri/",
  "src/kubelet/images/",
  "src/kubelet/host/",
  "src/network/host/",
  "src/proxy/host/",
  "src/dns/server/",
  "src/cmd/",
  "src/testing/",
  "simulation/",
  "bench/",
  "e2e/",
  "examples/",
  "tools/",
];

export const bannedOutsideEdges: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /\bDate\.now\s*\(/, name: "Date.now" },
  { pattern: /\bnew Date\(\s*\)/, name: "new Date()" },
  { pattern: /(?<![.\w#])setTimeout\s*\(/, name: "setTimeout" },
  { pattern: /(?<![.\w#])setInterval\s*\(/, name: "setInterval" },
  { pattern: /(?<![.\w#])setImmediate\s*\(/, name: "setImmediate" },
  { pattern: /\bMath\.random\s*\(/, name: "Math.random" },
  { pattern: /\bperformance\.now\s*\(/, name: "performance.now" },
];

export const maxFileLines = 400;
export const maxFunctionLines = 70;
