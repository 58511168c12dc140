import type { ResolveHookSync } from "node:module";

/**
 * Where the modules of a checkout lie is what their imports say: they name files, beside each other. Node would look for each of
 * nine hundred on the disk, for links on its way and for the package it is in: a sixth of a start's processor time.
 *
 * @param root the folder of all modules, as a URL that ends in a slash
 */
export function ownModules(root: string): ResolveHookSync {
  return (specifier, context, next) => {
    const { parentURL } = context;
    const isOwn = specifier.startsWith(".") && specifier.endsWith(".ts") && parentURL?.startsWith(root);
    if (!isOwn) return next(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: "module-typescript", shortCircuit: true };
  };
}
