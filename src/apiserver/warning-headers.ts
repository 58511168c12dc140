/** All warnings of an answer together may be this long, in characters; beyond it, each is cut. */
const maxTotalLength = 4096;
const maxItemLength = 256;

/**
 * The Warning headers of an answer: code 299, no agent, the text quoted (RFC 7234). Once they would grow too long each of them is
 * cut, and none is added when those are too long still. What a header cannot hold is left out.
 */
export function warningHeaders(texts: readonly string[]): readonly string[] {
  const possible = texts.filter((text) => !/\p{Cc}/u.test(text));
  const exceeding = indexBeyond(possible.map(lengthOf), maxTotalLength);
  if (exceeding === possible.length) return possible.map(header);
  const cut = possible.map((text) => [...text].slice(0, maxItemLength).join(""));
  // Those up to the one that was too much are all there, whatever they come to.
  const lengths = cut.map(lengthOf);
  let written = 0;
  return cut
    .filter((_, index) => {
      if (index > exceeding && written >= maxTotalLength) return false;
      written += lengths[index] ?? 0;
      return true;
    })
    .map(header);
}

/** The first index with which the sum is beyond the limit; the list's length where it never is. */
function indexBeyond(lengths: readonly number[], limit: number): number {
  let sum = 0;
  const found = lengths.findIndex((length) => {
    sum += length;
    return sum > limit;
  });
  return found < 0 ? lengths.length : found;
}

function lengthOf(text: string): number {
  return [...text].length;
}

function header(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, "\\$&")}"`;
}
