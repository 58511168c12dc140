/** A page's headings' anchors, as GitHub makes them: what is neither word nor hyphen goes, a second one of a name gets a number. */
export class Anchors {
  readonly #seen = new Map<string, number>();

  /** The anchor of the next heading; a heading's links and code stand for their text. */
  of(heading: string): string {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_\- ]/gu, "")
      .replaceAll(" ", "-");
    const before = this.#seen.get(slug) ?? 0;
    this.#seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  }
}

/** Every anchor of a Markdown page. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Anchors();
  const prose = page.replace(/^```[\s\S]*?^```$/gm, "");
  return new Set([...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchors.of(heading)));
}
