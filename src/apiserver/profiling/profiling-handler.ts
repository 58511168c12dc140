import { type Clock, sleep } from "../../base/clock.ts";
import type { ApiRequest, ApiResponse } from "../../client/exchange.ts";
import { bytesResponse, type NonResourceHandler, textResponse, unsniffed } from "../non-resource.ts";
import type { Recorded, RecordingOptions } from "./inspector-profiles.ts";

const root = "/debug/pprof";
const kinds = ["heap", "profile"] as const;
type Kind = (typeof kinds)[number];

const defaultSeconds: Readonly<Record<Kind, number>> = { heap: 5, profile: 30 };
const maxSeconds = 300;

const what: Readonly<Record<Kind, string>> = {
  heap: "what is allocated while it records and still there at its end; seconds=5 unless said",
  profile: "where the server's main thread spends its time; seconds=30 unless said",
};

/**
 * Profiles of this process for administrators (`--profiling`), under Go's paths, in pprof's format; `format=chromium` gives what
 * Chromium's developer tools open. One is recorded at a time; nothing is loaded before the first.
 */
export function profilingHandler({ clock }: { readonly clock: Clock }): NonResourceHandler {
  let isRecording = false;
  return {
    // As upstream: whoever wants them knows where they are.
    paths: [],
    async handle(request) {
      if (request.path === root)
        return bytesResponse(302, new Uint8Array(), { location: `${root}/`, "content-type": html });
      const path = request.path.replace(/\/+$/, "");
      if (path === root) return unsniffed(textResponse(200, index, html));
      const kind = kinds.find((each) => path === `${root}/${each}`);
      if (kind === undefined) return undefined;
      const seconds = secondsOf(request, defaultSeconds[kind]);
      if (seconds === undefined)
        return textResponse(400, `seconds must be a number from 1 to ${maxSeconds}\n`);
      if (isRecording) return textResponse(500, "Could not enable profiling: profiling already in use\n");
      isRecording = true;
      try {
        const wait = () => sleep(clock, seconds * 1000, { signal: request.signal });
        return await answer(request, kind, { nowMs: () => clock.now(), wait });
      } finally {
        isRecording = false;
      }
    },
  };
}

const html = "text/html; charset=utf-8";

const index = [
  `<html><head><title>${root}/</title></head><body>`,
  `<p>${root}/</p>`,
  ...kinds.map((kind) => `<p><a href="${kind}">${kind}</a>: ${what[kind]}</p>`),
  "<p>format=chromium: for Chromium's developer tools, instead of pprof</p>",
  "</body></html>\n",
].join("\n");

function secondsOf({ query }: ApiRequest, fallback: number): number | undefined {
  const text = query.get("seconds");
  if (text === null) return fallback;
  const seconds = Number(text);
  return /^\d+$/.test(text) && seconds >= 1 && seconds <= maxSeconds ? seconds : undefined;
}

async function answer(request: ApiRequest, kind: Kind, options: RecordingOptions): Promise<ApiResponse> {
  const { recordCpu, recordHeap } = await import("./inspector-profiles.ts");
  const recorded = await (kind === "heap" ? recordHeap(options) : recordCpu(options));
  return request.query.get("format") === "chromium"
    ? nativeAnswer(kind, recorded)
    : pprofAnswer(kind, recorded);
}

function nativeAnswer(kind: Kind, { native }: Recorded): ApiResponse {
  const name = kind === "heap" ? "heap.heapprofile" : "cpu.cpuprofile";
  return bytesResponse(200, new TextEncoder().encode(JSON.stringify(native)), {
    "content-type": "application/json",
    "content-disposition": `attachment; filename="${name}"`,
  });
}

async function pprofAnswer(kind: Kind, { pprof }: Recorded): Promise<ApiResponse> {
  const [{ encodePprof }, { gzipSync }] = await Promise.all([import("./pprof.ts"), import("node:zlib")]);
  return bytesResponse(200, gzipSync(encodePprof(pprof)), {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${kind}"`,
    "x-content-type-options": "nosniff",
  });
}
