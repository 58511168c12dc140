import { setFlagsFromString } from "node:v8";

/**
 * Loads modules with all their functions compiled. V8 otherwise compiles a function when it is first called, and Node's compile
 * cache keeps only what was compiled when a module was loaded: most of a start would be spent on compiling again what ran in every
 * start before. For modules of which a start runs most; of others, what is never called costs more than it saves.
 */
export async function compiledWhole<T>(load: () => Promise<T>): Promise<T> {
  setFlagsFromString("--no-lazy");
  try {
    return await load();
  } finally {
    setFlagsFromString("--lazy");
  }
}
