import type { Environment } from "@marcbachmann/cel-js";

// The library checks arguments against the signature before it calls a handler.
// biome-ignore lint/suspicious/noExplicitAny: handlers' parameters are of the types their signatures name
export type Handler = (...values: any[]) => unknown;

/** Registers functions by their signatures: `string.find(string): string`. */
export function define(environment: Environment, functions: Readonly<Record<string, Handler>>): void {
  for (const [signature, handler] of Object.entries(functions))
    environment.registerFunction(signature, handler, { async: false });
}

/** A name before the dot of functions: `sets.contains(a, b)`. */
export function defineNamespace(
  environment: Environment,
  name: string,
  functions: Readonly<Record<string, Handler>>,
): void {
  class Namespace {}
  const type = `${name}Namespace`;
  environment.registerType(type, { ctor: Namespace });
  environment.registerConstant(name, type, new Namespace());
  for (const [signature, handler] of Object.entries(functions))
    environment.registerFunction(
      `${type}.${signature}`,
      (_namespace: unknown, ...values: unknown[]) => handler(...values),
      {
        async: false,
      },
    );
}
