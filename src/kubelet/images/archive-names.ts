import { type FileHandle, open } from "node:fs/promises";

const blockBytes = 512;
/** An archive's index is a few kB; anything larger is not one. */
const largestIndexBytes = 16 * 1024 * 1024;

/**
 * The names of the images in an archive: from an OCI layout's index (the annotation that containerd goes by), else from a
 * docker archive's manifest. Reads the members' headers, not their content.
 */
export async function archiveImageNames(archivePath: string): Promise<readonly string[]> {
  const file = await open(archivePath);
  try {
    const index = await readMembers(file, ["index.json", "manifest.json"]);
    const names = namesInIndex(index.get("index.json"));
    return names.length > 0 ? names : namesInManifest(index.get("manifest.json"));
  } finally {
    await file.close();
  }
}

async function readMembers(file: FileHandle, wanted: readonly string[]): Promise<Map<string, unknown>> {
  const members = new Map<string, unknown>();
  const header = Buffer.alloc(blockBytes);
  for (let offset = 0; members.size < wanted.length; ) {
    const { bytesRead } = await file.read(header, 0, blockBytes, offset);
    if (bytesRead < blockBytes || header[0] === 0) break;
    const path = header.toString("utf8", 0, 100).replace(/\0.*$/s, "").replace(/^\.\//, "");
    const sizeBytes = Number.parseInt(header.toString("latin1", 124, 136), 8);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Error("not a tar archive");
    offset += blockBytes;
    if (wanted.includes(path) && sizeBytes <= largestIndexBytes) {
      const content = Buffer.alloc(sizeBytes);
      await file.read(content, 0, sizeBytes, offset);
      members.set(path, JSON.parse(content.toString("utf8")));
    }
    offset += Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
  return members;
}

function namesInIndex(index: unknown): string[] {
  const { manifests } = (index ?? {}) as { manifests?: readonly { annotations?: Record<string, string> }[] };
  const names = (manifests ?? []).map(({ annotations }) => annotations?.["io.containerd.image.name"]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

function namesInManifest(manifest: unknown): string[] {
  if (!Array.isArray(manifest)) return [];
  return manifest.flatMap(({ RepoTags }: { RepoTags?: readonly string[] }) => RepoTags ?? []);
}
