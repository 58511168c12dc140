import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { Credential } from "../../pki/x509.ts";

export interface Review {
  readonly apiVersion: string;
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly dryRun?: boolean;
    readonly name?: string;
    readonly object: AnyObject | null;
    readonly oldObject: AnyObject | null;
  };
}

interface Verdict {
  readonly allowed: boolean;
  readonly message?: string;
  readonly patch?: readonly object[];
}

type Judge = (request: Review["request"]) => Verdict | Promise<Verdict>;

const allow: Verdict = { allowed: true };
const deny = (message: string): Verdict => ({ allowed: false, message });
const dataOf = (object: AnyObject | null) => (object?.data ?? {}) as Readonly<Record<string, string>>;

/** Adds a key where the one before it is there: two in a row make two stages. */
const stages: Judge = ({ object }) => {
  const data = dataOf(object);
  const add = (key: string): Verdict => ({
    allowed: true,
    patch: [{ op: "add", path: `/data/${key}`, value: "yes" }],
  });
  if (data["mutation-start"] !== "yes") return allow;
  if (data["mutation-stage-1"] !== "yes") return add("mutation-stage-1");
  return data["mutation-stage-2"] === "yes" ? allow : add("mutation-stage-2");
};

const disallowed = (object: AnyObject | null) => dataOf(object)["webhook-e2e-test"] === "webhook-disallow";
const unwanted = "webhook-disallow";

/** What the suite's webhook image answers at each of its paths. */
const judges: Readonly<Record<string, Judge>> = {
  "/always-deny": () => deny("this webhook denies all requests"),
  "/configmaps": ({ object }) =>
    disallowed(object) ? deny("the configmap contains unwanted key and value") : allow,
  "/mutating-configmaps": stages,
  "/mutating-custom-resource": stages,
  "/pods/attach": ({ name }) =>
    name === "to-be-attached-pod" ? deny("attaching to pod 'to-be-attached-pod' is not allowed") : allow,
  "/mutating-pods": ({ object }) =>
    object?.metadata.name === "webhook-to-be-mutated"
      ? {
          allowed: true,
          patch: [
            {
              op: "add",
              path: "/spec/initContainers",
              value: [{ image: "webhook-added-image", name: "webhook-added-init-container", resources: {} }],
            },
          ],
        }
      : allow,
  "/custom-resource": ({ operation, object, oldObject }) => {
    if (operation === "DELETE")
      return dataOf(oldObject)["webhook-e2e-test"] === "webhook-nondeletable"
        ? deny("the custom resource cannot be deleted because it contains unwanted key and value")
        : allow;
    return disallowed(object) ? deny("the custom resource contains unwanted data") : allow;
  },
  "/crd": ({ object }) =>
    object?.metadata.labels?.["webhook-e2e-test"] === unwanted
      ? deny("the crd contains unwanted label")
      : allow,
  "/add-label": () => ({
    allowed: true,
    patch: [{ op: "add", path: "/metadata/labels", value: { "added-label": "yes" } }],
  }),
  "/pods": async ({ object }) => {
    const { containers = [] } = (object?.spec ?? {}) as { containers?: readonly { readonly name: string }[] };
    // Held until the caller gives up.
    if (containers.some(({ name }) => name === "wait-forever")) await new Promise(() => undefined);
    const faults = [
      ...(containers.some(({ name }) => name.includes(unwanted))
        ? ["the pod contains unwanted container name"]
        : []),
      ...(object?.metadata.labels?.["webhook-e2e-test"] === unwanted
        ? ["the pod contains unwanted label"]
        : []),
    ];
    return faults.length === 0 ? allow : deny(faults.join("; "));
  },
};

/** An answer as it goes over the wire, right or wrong. */
interface RawAnswer {
  readonly status?: number;
  readonly body: string | object;
}

export interface WebhookServer {
  readonly url: string;
  /** The bodies of the calls of a path, oldest first. */
  calls(path: string): readonly Review[];
  /** Answers a path by what is given, in place of the suite's image. */
  answer(path: string, judge: (review: Review) => RawAnswer): void;
  close(): Promise<void>;
}

/** Answers after `delayMs` at "/always-allow-delay". */
export async function startWebhookServer(
  { certificate, key }: Credential,
  { delayMs }: { readonly delayMs: number },
): Promise<WebhookServer> {
  const timers = new Set<NodeJS.Timeout>();
  const calls = new Map<string, Review[]>();
  const answers = new Map<string, (review: Review) => RawAnswer>();
  const delayed: Judge = () =>
    new Promise((resolve) => {
      timers.add(setTimeout(() => resolve(allow), delayMs));
    });
  const server = createServer({ cert: certificate, key }, async (incoming, answer) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
    const { apiVersion, request } = review;
    const { pathname } = new URL(incoming.url ?? "/", "https://webhook");
    calls.set(pathname, [...(calls.get(pathname) ?? []), review]);
    const raw = answers.get(pathname)?.(review);
    if (raw !== undefined) {
      answer.writeHead(raw.status ?? 200, { "content-type": "application/json" });
      answer.end(typeof raw.body === "string" ? raw.body : JSON.stringify(raw.body));
      return;
    }
    const judge = pathname === "/always-allow-delay" ? delayed : judges[pathname];
    if (judge === undefined) {
      answer.writeHead(404).end();
      return;
    }
    const { allowed, message, patch } = await judge(request);
    const response = {
      uid: request.uid,
      allowed,
      ...(message === undefined ? {} : { status: { message } }),
      ...(patch === undefined ? {} : { patchType: "JSONPatch", patch: btoa(JSON.stringify(patch)) }),
    };
    answer.writeHead(200, { "content-type": "application/json" });
    answer.end(JSON.stringify({ apiVersion, kind: "AdmissionReview", response }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    calls: (path) => calls.get(path) ?? [],
    answer: (path, judge) => answers.set(path, judge),
    async close() {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
