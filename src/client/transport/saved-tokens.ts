import { open, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import type { UserOrigin } from "../kubeconfig.ts";

/**
 * Writes renewed tokens to the `auth-provider` of a kubeconfig's user, where the next program finds them (clientcmd's
 * PersisterForUser). What else the file says stays as it is, comments too. A user who has no `auth-provider` there any more is let be.
 */
export async function saveTokens(
  { file, user }: UserOrigin,
  tokens: Readonly<Record<string, string>>,
): Promise<void> {
  const path = await realpath(file);
  // kubectl holds the same lock while it changes the file.
  const lock = `${path}.lock`;
  await (await open(lock, "wx")).close();
  const fresh = `${path}.new`;
  try {
    const { parseDocument } = await import("yaml");
    const document = parseDocument(await readFile(path, "utf8"));
    const { users = [] } = document.toJS() as { users?: readonly { readonly name?: unknown }[] }; // it was read as this before
    const provider = ["users", users.findIndex(({ name }) => name === user), "user", "auth-provider"];
    if (!document.hasIn(provider)) return;
    for (const [name, token] of Object.entries(tokens)) document.setIn([...provider, "config", name], token);
    const { mode } = await stat(path);
    // Whoever reads it meanwhile finds the old file or the new one.
    await writeFile(fresh, document.toString({ lineWidth: 0 }), { mode });
    await rename(fresh, path);
  } finally {
    await rm(fresh, { force: true });
    await rm(lock, { force: true });
  }
}
