import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { authWords } from "./auth-flags.ts";
import type { AuthOptions } from "./compose/auth-options.ts";
import type { OperationOptions } from "./compose/operation-options.ts";
import { defaultDataDirectory } from "./data-directory.ts";
import { operationWords, parseOperationFlags } from "./operation-flags.ts";
import type { AuthFlags } from "./read-auth-flags.ts";
import type { OperationFlags } from "./read-operation-flags.ts";
import { UserError } from "./user-error.ts";

export interface UpOptions {
  readonly nodes: number;
  readonly runtime: "auto" | "containerd" | "sim";
  readonly storage: "sqlite" | "memory";
  readonly dataDirectory: string;
  readonly port: number;
  readonly kubeconfig: string | undefined;
  readonly detach: boolean;
  readonly disabled: readonly string[];
  readonly containerdAddress: string | undefined;
  readonly logLevel: string;
  /** Archives to import into every node before the cluster is called ready. */
  readonly images: readonly string[];
  /** What an administrator adds to authentication and authorization; undefined: nothing. */
  readonly auth: AuthOptions | undefined;
  /** How the API server is run, where an administrator said something of it. */
  readonly operation: OperationOptions | undefined;
  /** Those of the API server that were given, as they were. */
  readonly flags: ReadonlyMap<string, string>;
}

/** The flags as commander gives them. */
export interface UpFlags extends AuthFlags, OperationFlags {
  readonly nodes: string;
  readonly runtime: string;
  readonly storage: string;
  readonly dataDir?: string;
  readonly port: string;
  readonly kubeconfig?: string;
  readonly detach?: boolean;
  readonly disable?: string;
  readonly containerd?: string;
  readonly logLevel: string;
  readonly image?: readonly string[];
}

/** What `--disable` may name beside the controllers' own names. */
export const components = ["scheduler", "controller-manager", "proxy", "dns", "network"] as const;
const maxNodes = 1000;
const maxRealNodes = 32;
const logLevels = ["debug", "info", "warn", "error"];

/** Rejects with UserError, with the remedy for what cannot be. */
export async function parseUpOptions(flags: UpFlags): Promise<UpOptions> {
  const runtime = oneOf("--runtime", flags.runtime, ["auto", "containerd", "sim"] as const);
  const nodes = wholeNumber("--nodes", flags.nodes, 0, runtime === "sim" ? maxNodes : maxRealNodes);
  const disabled = (flags.disable ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  for (const name of disabled) {
    if (!(components as readonly string[]).includes(name) && !name.endsWith("-controller")) {
      throw new UserError(
        `--disable: there is no component "${name}"; name some of ${components.join(", ")}, or a controller such as job-controller`,
      );
    }
  }
  return {
    nodes,
    runtime,
    storage: oneOf("--storage", flags.storage, ["sqlite", "memory"] as const),
    dataDirectory: resolve(flags.dataDir ?? defaultDataDirectory()),
    port: wholeNumber("--port", flags.port, 0, 65_535),
    kubeconfig: flags.kubeconfig === undefined ? undefined : resolve(flags.kubeconfig),
    detach: flags.detach === true,
    disabled,
    containerdAddress: flags.containerd,
    logLevel: oneOf("--log-level", flags.logLevel, logLevels),
    images: (flags.image ?? []).map((path) => existing("--image", resolve(path))),
    auth: await authOptions(flags),
    operation: await parseOperationFlags(flags),
    flags: givenFlags(flags),
  };
}

function givenFlags(flags: UpFlags): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const word of [...authWords(flags), ...operationWords(flags)]) {
    const equals = word.indexOf("=");
    const [name, value] = [word.slice(2, equals), word.slice(equals + 1)];
    const before = given.get(name);
    given.set(name, before === undefined ? value : `${before},${value}`);
  }
  return given;
}

async function authOptions(flags: UpFlags): Promise<AuthOptions | undefined> {
  if (authWords(flags).length === 0) return undefined;
  const { readAuthFlags } = await import("./read-auth-flags.ts");
  return readAuthFlags(flags);
}

function existing(flag: string, path: string): string {
  if (!existsSync(path)) throw new UserError(`${flag}: there is no file ${path}`);
  return path;
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new UserError(`${flag}: "${value}" is not one of ${allowed.join(", ")}`);
  return found;
}

function wholeNumber(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most) {
    throw new UserError(`${flag}: "${text}" is not a whole number from ${least} to ${most}`);
  }
  return value;
}
