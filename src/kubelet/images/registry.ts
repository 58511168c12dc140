import { timingSafeEqual } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Blob, manifestMediaType, type OciImage } from "./oci-image.ts";

export interface RegistryOptions {
  readonly images: readonly OciImage[];
  /** Asked for by HTTP basic authentication; absent: everybody may pull. */
  readonly login?: { readonly username: string; readonly password: string };
}

export interface Registry {
  /** "127.0.0.1:PORT": what an image's name begins with to be pulled from here. */
  readonly host: string;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A read-only registry of the images given, over HTTP on the loopback address: the pull side of the OCI distribution
 * protocol, for tests and for nodes without the internet. An image is found under its name without its first part.
 */
export async function serveRegistry(options: RegistryOptions): Promise<Registry> {
  const contents = catalogue(options.images);
  const server = createServer((request, response) => answer(request, response, contents, options.login));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const host = `127.0.0.1:${port}`;
  return {
    host,
    url: `http://${host}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** Sends a runtime's pulls for one registry host elsewhere: writes its hosts.toml below a certs.d directory. */
export async function mirrorRegistry(
  hostsDirectory: string,
  mirror: { readonly host: string; readonly url: string },
): Promise<void> {
  const directory = join(hostsDirectory, mirror.host);
  await mkdir(directory, { recursive: true });
  const url = JSON.stringify(mirror.url);
  await writeFile(
    join(directory, "hosts.toml"),
    `server = ${url}\n\n[host.${url}]\n  capabilities = ["pull", "resolve"]\n`,
  );
}

interface Catalogue {
  /** By "repository:tag" and "repository@digest". */
  readonly manifests: ReadonlyMap<string, Blob>;
  readonly blobs: ReadonlyMap<string, Blob>;
}

function catalogue(images: readonly OciImage[]): Catalogue {
  const manifests = new Map<string, Blob>();
  const blobs = new Map<string, Blob>();
  for (const { name, manifest, config, layers } of images) {
    const [, repository = "", tag = "latest"] = /^[^/]+\/([^:@]+)(?::([^:@]+))?$/.exec(name) ?? [];
    manifests.set(`${repository}:${tag}`, manifest);
    manifests.set(`${repository}@${manifest.digest}`, manifest);
    for (const blob of [config, ...layers]) blobs.set(blob.digest, blob);
  }
  return { manifests, blobs };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { manifests, blobs }: Catalogue,
  login: RegistryOptions["login"],
): void {
  const { pathname } = new URL(request.url ?? "/", "http://registry");
  if (login !== undefined && !authorized(request, login)) {
    response.setHeader("WWW-Authenticate", 'Basic realm="k8ts"');
    refuse(response, 401, "UNAUTHORIZED", "authentication required");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuse(response, 405, "UNSUPPORTED", "this registry is read-only");
    return;
  }
  if (pathname === "/v2/" || pathname === "/v2") {
    send(request, response, "application/json", Buffer.from("{}"));
    return;
  }
  const [, repository, kind, reference = ""] =
    /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
  const separator = reference.includes(":") ? "@" : ":";
  const found =
    kind === "manifests" ? manifests.get(`${repository}${separator}${reference}`) : blobs.get(reference);
  if (found === undefined) {
    refuse(
      response,
      404,
      kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN",
      `${reference} is not known`,
    );
    return;
  }
  response.setHeader("Docker-Content-Digest", found.digest);
  const type = kind === "manifests" ? manifestMediaType : "application/octet-stream";
  send(request, response, type, found.content);
}

function authorized(
  request: IncomingMessage,
  { username, password }: { readonly username: string; readonly password: string },
): boolean {
  const wanted = Buffer.from(`Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`);
  const given = Buffer.from(request.headers.authorization ?? "");
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function send(request: IncomingMessage, response: ServerResponse, type: string, content: Uint8Array): void {
  response.writeHead(200, { "Content-Type": type, "Content-Length": content.length });
  response.end(request.method === "HEAD" ? undefined : content);
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}
