/**
 * Whether an image reference means the tag "latest": said so, or neither tag nor digest. Such images are pulled
 * always, since the same name may mean another image tomorrow.
 */
export function isImageTagLatest(reference: string): boolean {
  if (reference === "") return false;
  const [name = "", digest] = reference.split("@", 2);
  const lastPart = name.slice(name.lastIndexOf("/") + 1);
  const colon = lastPart.lastIndexOf(":");
  if (colon >= 0) return lastPart.slice(colon + 1) === "latest";
  return digest === undefined;
}
