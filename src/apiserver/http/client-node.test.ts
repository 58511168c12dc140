import { test } from "node:test";
import { KubeConfig } from "@kubernetes/client-node";
import { driveWithClientNode } from "../test-support/client-node.ts";
import { startTestListener } from "../test-support/listener.ts";

test("@kubernetes/client-node creates, reads, pages, patches, applies, watches and informs over HTTPS", async () => {
  const target = await startTestListener();
  try {
    const base64 = (pem: string) => Buffer.from(pem).toString("base64");
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [
        {
          name: "k8ts",
          server: `https://127.0.0.1:${target.listener.port}`,
          caData: base64(target.pki.clusterAuthority.certificate),
        },
      ],
      users: [
        {
          name: "admin",
          certData: base64(target.pki.admin.certificate),
          keyData: base64(target.pki.admin.key),
        },
      ],
      contexts: [{ name: "k8ts", cluster: "k8ts", user: "admin" }],
      currentContext: "k8ts",
    });
    await driveWithClientNode(config, "default");
  } finally {
    await target.close();
  }
});
