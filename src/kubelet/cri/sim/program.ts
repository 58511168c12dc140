/**
 * The few programs that a simulated container knows, so that a pod made for a busybox image ends as it would there:
 * true, false, echo, sleep, exit, cat, trap, and `sh -c` with those joined by ";", "&&" or "||". Anything else is taken for a
 * server: as a container's own program it runs until stopped, in an exec it succeeds at once.
 */
export interface Run {
  /** How long it takes; undefined: until it is stopped. */
  readonly durationMs: number | undefined;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Copies its standard input to its output. */
  readonly readsStdin: boolean;
  /** What it exits with when it is told to stop; undefined: it does not listen, and has to be killed. */
  readonly stopExitCode: number | undefined;
}

const terminated = 143;
const finished: Run = {
  durationMs: 0,
  exitCode: 0,
  stdout: "",
  stderr: "",
  readsStdin: false,
  stopExitCode: terminated,
};
/** Ends in good order when told to. */
const server: Run = { ...finished, durationMs: undefined, stopExitCode: 0 };

export function runProgram(command: readonly string[]): Run {
  const [program = "", ...args] = command;
  switch (program.slice(program.lastIndexOf("/") + 1)) {
    case "true":
      return finished;
    case "false":
      return { ...finished, exitCode: 1 };
    case "echo":
      return { ...finished, stdout: `${args.join(" ")}\n` };
    case "exit":
      return { ...finished, exitCode: Number(args[0] ?? 0) & 255 };
    case "sleep":
      return sleepFor(args[0] ?? "");
    case "cat":
      return { ...finished, readsStdin: args.length === 0 };
    case "trap":
      return args[0] === "" ? { ...finished, stopExitCode: undefined } : finished;
    case "sh":
      return args[0] === "-c" ? runScript(args[1] ?? "") : server;
    default:
      return server;
  }
}

const unitMs: Readonly<Record<string, number>> = {
  "": 1000,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function sleepFor(text: string): Run {
  const [, number = "0", unit = ""] = /^([0-9.]+)([smhd]?)$/.exec(text) ?? [];
  if (text === "infinity") return { ...finished, durationMs: undefined };
  return { ...finished, durationMs: Number(number) * (unitMs[unit] ?? 1000) };
}

function runScript(script: string): Run {
  let total: Run = finished;
  let before = ";";
  for (const part of script.split(/(;|&&|\|\||\n)/)) {
    if (/^(;|&&|\|\||\n)$/.test(part)) {
      before = part;
      continue;
    }
    const words = part.trim().split(/\s+/).map(unquoted);
    if (words[0] === "" || words[0] === undefined) continue;
    if ((before === "&&" && total.exitCode !== 0) || (before === "||" && total.exitCode === 0)) continue;
    total = joined(total, words);
    if (total.durationMs === undefined || words[0] === "exit") break;
  }
  return total;
}

function joined(total: Run, words: readonly string[]): Run {
  const toStderr = words.includes(">&2") || words.includes("1>&2");
  const run = runProgram(words.filter((word) => !/^1?>&2$/.test(word)));
  return {
    durationMs: run.durationMs === undefined ? undefined : (total.durationMs ?? 0) + run.durationMs,
    exitCode: run.exitCode,
    stdout: total.stdout + (toStderr ? "" : run.stdout),
    stderr: total.stderr + run.stderr + (toStderr ? run.stdout : ""),
    readsStdin: total.readsStdin || run.readsStdin,
    stopExitCode: total.stopExitCode === undefined ? undefined : run.stopExitCode,
  };
}

function unquoted(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, "$2");
}
