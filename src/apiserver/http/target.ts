/** Reads a request's target: the path decoded a segment at a time, and the query. */

const noQuery = new URLSearchParams();
const maxTargetLength = 16 * 1024;

/** Undefined: no target this server understands (too long, badly encoded, not absolute). */
export function parseTarget(target: string): { path: string; query: URLSearchParams } | undefined {
  if (target.length > maxTargetLength || !target.startsWith("/")) return undefined;
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  // Nothing writes to a query: those without one can share it.
  const query =
    mark < 0 || mark === target.length - 1 ? noQuery : new URLSearchParams(target.slice(mark + 1));
  if (!rawPath.includes("%")) return { path: rawPath, query };
  try {
    return { path: rawPath.split("/").map(decodeURIComponent).join("/"), query };
  } catch {
    return undefined;
  }
}
