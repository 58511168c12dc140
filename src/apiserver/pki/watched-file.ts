import { type FSWatcher, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import { readTextFile } from "./files.ts";

const pollMs = 60_000;
/** A file is often written in several steps. */
const settleMs = 100;

/**
 * Follows a file that an administrator may change: `onChange` is called with each new text, after it could be read whole.
 * Its folder is watched, since files are replaced, and looked at once a minute, since watching can fail.
 */
export function followFile(
  path: string,
  known: string,
  options: { readonly onChange: (text: string) => void; readonly signal: AbortSignal },
): void {
  let last = known;
  let settling: NodeJS.Timeout | undefined;
  const look = () => {
    const text = readOrNothing(path);
    if (text === undefined || text === last) return;
    last = text;
    options.onChange(text);
  };
  const watcher = watchFolder(dirname(path), () => {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs).unref();
  });
  const poll = setInterval(look, pollMs).unref();
  options.signal.addEventListener(
    "abort",
    () => {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(settling);
    },
    { once: true },
  );
}

function watchFolder(folder: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, onEvent);
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined; // it is polled all the same
  }
}

/** A file that is just being replaced is there at the next look. */
function readOrNothing(path: string): string | undefined {
  try {
    return readTextFile(path);
  } catch {
    return undefined;
  }
}

/** Why a path names no regular file; undefined: it names one. */
export function regularFileFault(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : "must be a regular file";
  } catch (error) {
    return `error loading file: ${error instanceof Error ? error.message : String(error)}`;
  }
}
