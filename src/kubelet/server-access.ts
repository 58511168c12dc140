import type { TokenReview } from "../api/authentication/types.generated.ts";
import type { SubjectAccessReview } from "../api/authorization/types.generated.ts";
import { subjectAccessReviews, tokenReviews } from "../api/resources.generated.ts";
import type { Clock } from "../base/clock.ts";
import type { Client } from "../client/client.ts";
import type { UserInfo } from "../client/exchange.ts";

/** Who may ask the kubelet's server for what: the API server decides (webhook authentication and authorization). */
export interface ServerAccess {
  /** Undefined: the token is not valid. */
  authenticate(bearerToken: string): Promise<UserInfo | undefined>;
  authorize(user: UserInfo, request: { readonly method: string; readonly path: string }): Promise<boolean>;
}

const allowedMs = 300_000;
const refusedMs = 30_000;
const maxRemembered = 1000;

export function createServerAccess(dependencies: {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
}): ServerAccess {
  const { client, clock, nodeName } = dependencies;
  const users = new Remembered<UserInfo | undefined>(clock);
  const decisions = new Remembered<boolean>(clock);

  return {
    authenticate: (token) =>
      users.get(token, async () => {
        const review: TokenReview = {
          apiVersion: "authentication.k8s.io/v1",
          kind: "TokenReview",
          metadata: {},
          spec: { token },
        };
        const { status } = await client.create(tokenReviews, review);
        const { username, uid, groups = [] } = status?.user ?? {};
        const user =
          username === undefined
            ? undefined
            : { name: username, groups, ...(uid === undefined ? {} : { uid }) };
        const known = status?.authenticated === true ? user : undefined;
        return { value: known, forMs: known === undefined ? refusedMs : allowedMs };
      }),
    authorize(user, { method, path }) {
      if (user.groups.includes("system:masters")) return Promise.resolve(true);
      const verb = verbs[method] ?? "get";
      const subresource = subresourceOf(path);
      return decisions.get(JSON.stringify([user, verb, subresource]), async () => {
        const spec = {
          user: user.name,
          groups: user.groups,
          resourceAttributes: { verb, resource: "nodes", subresource, name: nodeName, version: "v1" },
        };
        const review: SubjectAccessReview = {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SubjectAccessReview",
          metadata: {},
          spec,
        };
        const { status } = await client.create(subjectAccessReviews, review);
        const allowed = status?.allowed === true;
        return { value: allowed, forMs: allowed ? allowedMs : refusedMs };
      });
    },
  };
}

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** The subresource of nodes that stands for a path of the kubelet's server. */
function subresourceOf(path: string): string {
  const [first = ""] = path.split("/").filter((segment) => segment !== "");
  if (["stats", "metrics"].includes(first)) return first;
  if (first === "logs") return "log";
  return ["healthz", "configz", "pods"].includes(first) ? (first === "healthz" ? "healthz" : first) : "proxy";
}

/** Answers that are good for a while, so that not every request asks the API server. */
class Remembered<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, { value: T; untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async get(key: string, ask: () => Promise<{ value: T; forMs: number }>): Promise<T> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.untilMs > this.#clock.now()) return known.value;
    const { value, forMs } = await ask();
    if (this.#entries.size >= maxRemembered) this.#entries.clear();
    this.#entries.set(key, { value, untilMs: this.#clock.now() + forMs });
    return value;
  }
}
