/** `npm run -s bench -- NAME`: runs one benchmark, whose last line of output is one JSON object. */

import type { Bench } from "./bench.ts";

/** One file a benchmark. */
const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  api: () => import("./api.ts"),
  startup: () => import("./startup.ts"),
  informer: () => import("./informer.ts"),
  scheduler: () => import("./scheduler.ts"),
  storage: () => import("./storage.ts"),
  streams: () => import("./streams.ts"),
  testing: () => import("./testing.ts"),
};

const [name = "", ...rest] = process.argv.slice(2);
const bench = await benches[name]?.();
if (bench === undefined) {
  console.error(`usage: npm run -s bench -- NAME; NAME is one of ${Object.keys(benches).join(", ")}`);
  process.exitCode = 1;
} else {
  console.log(JSON.stringify(await bench.run(rest)));
}
