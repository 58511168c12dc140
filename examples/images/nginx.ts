import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildImage, type OciImage } from "../../src/kubelet/images/oci-image.ts";
import { hostArchitecture } from "../../src/kubelet/images/pause-image.ts";
import type { TarEntry } from "../../src/kubelet/images/tar.ts";
import { baseEntries, directoryEntries, libraryEntries, parentDirectories } from "./host-files.ts";

const run = promisify(execFile);

const nginxImageName = "k8ts.local/nginx:1";

/**
 * A web server: Debian's nginx, unpacked without being installed, with the libraries it is linked to, and busybox's shell
 * and wget so that `kubectl exec` has something to run. Serves /usr/share/nginx/html on port 80.
 */
export async function nginxImage(busybox: OciLayerSource): Promise<OciImage> {
  const work = await mkdtemp(join(tmpdir(), "k8ts-nginx-"));
  try {
    const root = await unpackPackages(work, ["nginx", "nginx-common"]);
    const program = join(root, "usr/sbin/nginx");
    const wanted = (path: string) =>
      ["usr/sbin/nginx", "etc/nginx/mime.types"].includes(path) || path.startsWith("usr/share/nginx/html/");
    const files = (await directoryEntries(root)).filter(({ type, path }) => type === "file" && wanted(path));
    const entries = [...files, ...(await libraryEntries(program)), ...configuration(), ...(await busybox())];
    return buildImage({
      name: nginxImageName,
      architecture: hostArchitecture(),
      process: {
        entrypoint: ["/usr/sbin/nginx"],
        command: ["-g", "daemon off;"],
        env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        exposedPorts: ["80/tcp"],
        // Lets requests that are under way end.
        stopSignal: "SIGQUIT",
      },
      layers: [[...parentDirectories([...baseEntries(), ...entries]), ...baseEntries(), ...entries]],
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

type OciLayerSource = () => Promise<readonly TarEntry[]>;

/** Downloads Debian packages with the host's own apt and unpacks them into a directory of their own. */
async function unpackPackages(work: string, names: readonly string[]): Promise<string> {
  const download = join(work, "packages");
  const root = join(work, "root");
  await mkdir(download);
  await mkdir(root);
  // apt's own unprivileged user may not write here: root does the download.
  await run("apt-get", ["-o", "APT::Sandbox::User=root", "-qq", "download", ...names], { cwd: download });
  for (const file of (await readdir(download)).sort()) await run("dpkg", ["-x", join(download, file), root]);
  return root;
}

function configuration(): TarEntry[] {
  const nginx = `worker_processes 1;
error_log /dev/stderr warn;
pid /var/run/nginx.pid;
events { worker_connections 512; }
http {
  include /etc/nginx/mime.types;
  access_log /dev/stdout;
  server {
    listen 80;
    listen [::]:80;
    root /usr/share/nginx/html;
    index index.html;
  }
}
`;
  const page = "<!doctype html><title>k8ts</title><h1>It works</h1>\n";
  return [
    { type: "file", path: "etc/nginx/nginx.conf", content: Buffer.from(nginx) },
    { type: "file", path: "usr/share/nginx/html/index.html", content: Buffer.from(page) },
    { type: "directory", path: "var/lib/nginx" },
    { type: "directory", path: "var/log/nginx" },
  ];
}
