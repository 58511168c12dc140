/** Files of a volume that would lie in each other's place: the later one wins, or the volume cannot be made. */
import * as field from "../../apimachinery/validation.ts";
import type { Volume, VolumeProjection } from "./types.generated.ts";

interface PlacedFile {
  readonly path: string;
  /** Undefined where the volume has only one source. */
  readonly source?: string;
}

type Items = readonly { readonly path: string }[];

/** Upstream's `warningsForOverlappingVirtualPaths`. */
export function overlappingPathWarnings(volumes: readonly Volume[] = []): readonly string[] {
  return volumes.flatMap((volume) => [
    ...within(
      volume,
      `ConfigMap ${field.quote(volume.configMap?.name ?? "")}`,
      placed(volume.configMap?.items),
    ),
    ...within(volume, `Secret ${field.quote(volume.secret?.secretName ?? "")}`, placed(volume.secret?.items)),
    ...within(volume, "DownwardAPI", placed(volume.downwardAPI?.items)),
    ...(volume.projected?.sources ?? []).flatMap((source) =>
      Object.keys(source).length === 0
        ? [`volume ${field.quote(volume.name)} (Projected) has no sources provided`]
        : [],
    ),
    ...within(volume, "Projected", (volume.projected?.sources ?? []).flatMap(projectedFiles)),
  ]);
}

function placed(items: Items = [], source?: string): readonly PlacedFile[] {
  return items.map(({ path }) => (source === undefined ? { path } : { path, source }));
}

function projectedFiles(projection: VolumeProjection): readonly PlacedFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  if (configMap?.items !== undefined)
    return placed(configMap.items, `ConfigMap ${field.quote(configMap.name ?? "")}`);
  if (secret?.items !== undefined) return placed(secret.items, `Secret ${field.quote(secret.name ?? "")}`);
  if (downwardAPI?.items !== undefined) return placed(downwardAPI.items, "DownwardAPI");
  return serviceAccountToken === undefined ? [] : placed([serviceAccountToken], "ServiceAccountToken");
}

function within({ name }: Volume, description: string, files: readonly PlacedFile[]): readonly string[] {
  const trimmed = files.map((file) => ({ ...file, path: file.path.replace(/\/+$/, "") }));
  return trimmed.flatMap((file, index) =>
    trimmed
      .slice(0, index)
      .filter((before) => overlaps(before.path, file.path))
      .map(
        (before) =>
          `volume ${field.quote(name)} (${description}): overlapping paths: ${shown(file)} with ${shown(before)}`,
      ),
  );
}

function overlaps(left: string, right: string): boolean {
  if (left === "" || right === "") return false;
  return `${left}/`.startsWith(`${right}/`) || `${right}/`.startsWith(`${left}/`);
}

function shown({ path, source }: PlacedFile): string {
  return source === undefined ? field.quote(path) : `${field.quote(path)} (${source})`;
}
