/**
 * What is not there, by capability, as `docs/missing.md` says it: the list items of its section on the API server, each of which
 * starts with its capability in bold. Throws for an item that names no capability.
 */
export function missingByCapability(page: string, titles: readonly string[]): Map<string, string> {
  const section = /^## API server\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(page)?.[1];
  if (section === undefined) throw new Error("docs/missing.md has no section on the API server");
  const missing = new Map<string, string>();
  for (const [, title = "", text = ""] of section.matchAll(
    /^- \*\*([^*]+)\*\*: ([\s\S]*?)(?=\n- |\n\n|(?![\s\S]))/gm,
  )) {
    if (!titles.includes(title))
      throw new Error(`docs/missing.md: "${title}" is no capability of tools/api-coverage`);
    missing.set(title, text.replace(/\s+/g, " ").trim());
  }
  return missing;
}
