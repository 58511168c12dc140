import type { ResourceDefinition } from "../../api/definition.ts";
import { schemas } from "../../api/schemas.ts";
import { silentLogger } from "../../base/log.ts";
import { createAuthenticator } from "../authentication/create-authenticator.ts";
import { type Listener, listen } from "../http/listener.ts";
import type { NonResourceHandler } from "../non-resource.ts";
import { createOpenApi } from "../openapi/open-api.ts";
import { openApiHandler } from "../openapi/open-api-handler.ts";
import { createMemoryPki } from "../pki/ensure-pki.ts";
import { frontProxyNames, frontProxyVerifier } from "../pki/front-proxy.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../stages.ts";
import { openStages, startTestServer, type TestServer } from "./server.ts";

/** An extension API server as the sample one is: another server of this project, which knows its callers by the front proxy. */
export interface ExtensionServer {
  readonly test: TestServer;
  readonly listener: Listener;
  /** PEM in base64, as an APIService has it. */
  readonly caBundle: string;
  /** Who made the writes it saw. */
  readonly writes: AdmissionAttributes[];
  close(): Promise<void>;
}

export const flunders: ResourceDefinition = {
  group: "wardle.example.com",
  kind: "Flunder",
  listKind: "FlunderList",
  plural: "flunders",
  singular: "flunder",
  namespaced: true,
  versions: ["v1alpha1"],
  strategy: {},
  columns: [{ name: "Name", type: "string", description: "", value: ({ metadata }) => metadata.name ?? "" }],
  hasStatus: false,
};

export function openApiOf(definitions: readonly ResourceDefinition[]): NonResourceHandler {
  return openApiHandler(
    async () => createOpenApi({ definitions: () => definitions, tables: schemas, serverVersion: "v1.36.0" }),
    () => 0,
  );
}

export async function startExtensionServer(options: {
  /** PEM: who may speak for others. */
  readonly frontProxyAuthority: string;
  /** What its certificate says: "<service>.<namespace>.svc". */
  readonly serverName: string;
}): Promise<ExtensionServer> {
  const pki = await createMemoryPki({ nowMs: Date.now(), servingNames: [options.serverName] });
  const writes: AdmissionAttributes[] = [];
  const recorder: AdmissionPlugin = {
    name: "Recorder",
    handles: () => true,
    validate: (attributes) => void writes.push(attributes),
  };
  const test = await startTestServer({
    definitions: [flunders],
    stages: {
      ...openStages,
      // Anybody else is nobody.
      authorizer: {
        authorize: ({ user }) => ({ allowed: user.name !== "system:anonymous", reason: "no front proxy" }),
      },
      authenticator: createAuthenticator({
        tokens: { authenticateToken: async () => undefined },
        isFrontProxy: frontProxyVerifier(
          { authorities: [options.frontProxyAuthority], allowedNames: frontProxyNames },
          { now: () => Date.now() },
        ),
      }),
      admission: [recorder],
    },
    dependencies: { nonResourceHandlers: [openApiOf([flunders])] },
  });
  const listener = await listen({
    server: test.server,
    certificate: pki.serving.certificate,
    privateKey: pki.serving.key,
    clientAuthorities: [pki.clusterAuthority.certificate],
    host: "127.0.0.1",
    port: 0,
    logger: silentLogger,
  });
  return {
    test,
    listener,
    caBundle: btoa(pki.clusterAuthority.certificate),
    writes,
    async close() {
      await listener.close();
      await test.close();
    },
  };
}
