import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/system-clock.ts";
import type { ControlPlane } from "../cmd/compose/control-plane.ts";

/** How other programs reach the cluster. */
export interface TestKubeconfig {
  /** "https://127.0.0.1:34567". */
  readonly server: string;
  /** Of the administrator, with certificates inline. */
  readonly text: string;
  /** A file with that text, for `KUBECONFIG`; removed when the cluster is closed. */
  readonly path: string;
}

/** The listener for clients outside this process, with certificates of its own, and its kubeconfig. */
export class OutsideAccess {
  readonly #plane: ControlPlane;
  #opened: Promise<{ readonly kubeconfig: TestKubeconfig; close(): Promise<void> }> | undefined;
  #closed = false;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  async kubeconfig(): Promise<TestKubeconfig> {
    if (this.#closed) throw new Error("kubeconfig: the cluster is closed");
    this.#opened ??= this.#open();
    return (await this.#opened).kubeconfig;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#opened)?.close();
  }

  async #open() {
    const { createMemoryPki } = await import("../apiserver/pki/ensure-pki.ts");
    const { renderKubeconfig } = await import("../apiserver/pki/kubeconfig.ts");
    // In TLS it is always now, whatever the cluster's clock says. The authority is new: that of a cluster in process is known to all.
    const { serving, clusterAuthority, admin } = await createMemoryPki({ nowMs: systemClock.now() });
    const place = { host: "127.0.0.1", port: 0 };
    const listener = await this.#plane.listen({ ...place, serving, clientAuthority: clusterAuthority });
    const server = `https://${listener.host}:${listener.port}`;
    const text = renderKubeconfig({
      server,
      certificateAuthority: clusterAuthority.certificate,
      clusterName: "test",
      userName: "kubernetes-admin",
      client: admin,
    });
    const folder = await mkdtemp(join(tmpdir(), "k8ts-testing-"));
    const path = join(folder, "kubeconfig");
    await writeFile(path, text, { mode: 0o600 });
    return {
      kubeconfig: { server, text, path },
      async close() {
        await listener.close({ graceMs: 100 });
        await rm(folder, { recursive: true });
      },
    };
  }
}
