import type { HeapProfiler, Profiler, Session } from "node:inspector/promises";
import type { Frame, PprofProfile, PprofSample } from "./pprof.ts";

export interface Recorded {
  readonly pprof: PprofProfile;
  /** As Chromium's tools read it (.cpuprofile, .heapprofile). */
  readonly native: object;
}

/** Runs the work between the inspector's start and stop; whatever happens, the inspector is let go. */
async function inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const { Session: InspectorSession } = await import("node:inspector/promises");
  const session = new InspectorSession();
  session.connect();
  try {
    return await work(session);
  } finally {
    session.disconnect();
  }
}

export interface RecordingOptions {
  readonly nowMs: () => number;
  /** Resolves when it has been recorded long enough. */
  readonly wait: () => Promise<void>;
}

const sampleIntervalMicroseconds = 1000;

/** Where this thread spends its time. */
export function recordCpu({ nowMs, wait }: RecordingOptions): Promise<Recorded> {
  return inSession(async (session) => {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: sampleIntervalMicroseconds });
    const startMs = nowMs();
    await session.post("Profiler.start");
    await wait();
    const { profile } = await session.post("Profiler.stop");
    const durationMs = (profile.endTime - profile.startTime) / 1000;
    return { native: profile, pprof: cpuProfile(profile, startMs, durationMs) };
  });
}

function cpuProfile(profile: Profiler.Profile, timeMs: number, durationMs: number): PprofProfile {
  const { nodes, samples = [], timeDeltas = [] } = profile;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map<number, number>();
  for (const { id, children = [] } of nodes) for (const child of children) parents.set(child, id);
  const totals = new Map<number, { count: number; microseconds: number }>();
  for (const [index, id] of samples.entries()) {
    const total = totals.get(id) ?? { count: 0, microseconds: 0 };
    total.count++;
    total.microseconds += Math.max(0, timeDeltas[index] ?? 0);
    totals.set(id, total);
  }
  const framesOf = (leaf: number): Frame[] => {
    const frames: Frame[] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      if (frame !== undefined && frame.functionName !== "(root)") frames.push(frame);
    }
    return frames;
  };
  return {
    types: [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
    samples: [...totals].flatMap(([id, { count, microseconds }]): PprofSample[] => {
      const frames = framesOf(id);
      const isIdle = frames[0]?.functionName === "(idle)";
      return isIdle ? [] : [{ frames, values: [count, microseconds * 1000] }];
    }),
    timeMs,
    durationMs,
    period: sampleIntervalMicroseconds * 1000,
  };
}

const heapIntervalBytes = 64 * 1024;

/** What is allocated while it records, and still there at its end. */
export function recordHeap({ nowMs, wait }: RecordingOptions): Promise<Recorded> {
  return inSession(async (session) => {
    await session.post("HeapProfiler.enable");
    const startMs = nowMs();
    await session.post("HeapProfiler.startSampling", { samplingInterval: heapIntervalBytes });
    await wait();
    const { profile } = await session.post("HeapProfiler.stopSampling");
    return { native: profile, pprof: heapProfile(profile, startMs, nowMs() - startMs) };
  });
}

function heapProfile(
  { head }: HeapProfiler.SamplingHeapProfile,
  timeMs: number,
  durationMs: number,
): PprofProfile {
  const found: PprofSample[] = [];
  const visit = (node: HeapProfiler.SamplingHeapProfileNode, above: readonly Frame[]) => {
    const frames = node.callFrame.functionName === "(root)" ? above : [node.callFrame, ...above];
    if (node.selfSize > 0) found.push({ frames, values: [node.selfSize] });
    for (const child of node.children) visit(child, frames);
  };
  visit(head, []);
  return {
    types: [["inuse_space", "bytes"]],
    samples: found,
    timeMs,
    durationMs,
    period: heapIntervalBytes,
  };
}
