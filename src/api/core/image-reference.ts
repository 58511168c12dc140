const domainLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const domain = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pathPart = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
const referencePattern = new RegExp(
  `^(?:${domain}/)?${pathPart}(?:/${pathPart})*(?::(?<tag>${tag}))?(?:@(?<digest>${digest}))?$`,
);

/** Longer than any name, tag and digest together. */
const maxReferenceLength = 1024;

/**
 * Whether an image reference means the tag "latest": said so, or neither tag nor digest. Such images are pulled
 * always, since the same name may mean another image tomorrow. What is no reference means nothing.
 */
export function isImageTagLatest(reference: string): boolean {
  if (reference.length > maxReferenceLength) return false;
  const parts = referencePattern.exec(reference)?.groups;
  if (parts === undefined) return false;
  return parts.tag === "latest" || (parts.tag === undefined && parts.digest === undefined);
}
