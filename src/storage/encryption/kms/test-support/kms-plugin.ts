import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { type Message, serveGrpc } from "../../../../base/test-support/grpc-server.ts";

/** The messages as k8s.io/kms and kube-apiserver's storage declare them: what is under test reads and writes them by hand. */
const { root } = protobuf.parse(`
syntax = "proto3";
package v2;
message StatusRequest {}
message StatusResponse { string version = 1; string healthz = 2; string key_id = 3; }
message DecryptRequest { bytes ciphertext = 1; string uid = 2; string key_id = 3; map<string, bytes> annotations = 4; }
message DecryptResponse { bytes plaintext = 1; }
message EncryptRequest { bytes plaintext = 1; string uid = 2; }
message EncryptResponse { bytes ciphertext = 1; string key_id = 2; map<string, bytes> annotations = 3; }
message EncryptedObject {
  bytes encryptedData = 1; string keyID = 2; bytes encryptedDEKSource = 3; map<string, bytes> annotations = 4; int32 encryptedDEKSourceType = 5;
}`);

/** What lies at rest after the prefix. */
export const encryptedObject = root.lookupType("v2.EncryptedObject");

/** A KMS plugin on a socket of its own: its keys are in memory, and it can be told to fail. */
export class KmsPlugin {
  keyId = "key-1";
  healthz = "ok";
  /** Answers nothing but this error. */
  failure: string | undefined;
  /** How often it was asked what. */
  readonly asked = { Status: 0, Encrypt: 0, Decrypt: 0 };
  readonly #plaintexts = new Map<string, Buffer>();
  readonly #directory: string;
  #server: Server | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(): Promise<KmsPlugin> {
    const plugin = new KmsPlugin(await mkdtemp(join(tmpdir(), "k8ts-kms-")));
    await plugin.listen();
    return plugin;
  }

  get endpoint(): string {
    return `unix://${join(this.#directory, "kms.sock")}`;
  }

  async listen(endpoint = this.endpoint): Promise<void> {
    const method = (name: keyof typeof this.asked, answer: (request: Message) => Message) => ({
      [name]: (request: Message) => {
        this.asked[name]++;
        if (this.failure !== undefined) throw new Error(this.failure);
        return answer(request);
      },
    });
    const methods = {
      ...method("Status", () => ({ version: "v2", healthz: this.healthz, keyId: this.keyId })),
      ...method("Encrypt", ({ plaintext }) => {
        const ciphertext = randomBytes(24);
        this.#plaintexts.set(this.keyId + ciphertext.toString("hex"), plaintext as Buffer);
        return { ciphertext, keyId: this.keyId, annotations: { "key.example.com": Buffer.from("a") } };
      }),
      ...method("Decrypt", ({ ciphertext, keyId }) => ({
        plaintext:
          this.#plaintexts.get(String(keyId) + (ciphertext as Buffer).toString("hex")) ?? Buffer.alloc(0),
      })),
    };
    const target = endpoint.replace("unix:///@", "unix:\0").replace("unix://", "unix:");
    this.#server = await serveGrpc(target, { name: "v2.KeyManagementService", root, methods });
  }

  /** Nobody answers any more. */
  hangUp(): void {
    this.#server?.forceShutdown();
  }

  async stop(): Promise<void> {
    this.hangUp();
    await rm(this.#directory, { recursive: true });
  }
}
