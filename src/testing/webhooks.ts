import type {
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhookConfiguration,
} from "../api/admissionregistration/types.generated.ts";
import {
  mutatingWebhookConfigurations,
  validatingWebhookConfigurations,
} from "../api/resources.generated.ts";
import type { AnyObject, KubeObject } from "../apimachinery/meta.ts";
import type { WebhookTransport } from "../apiserver/admission/webhooks/caller.ts";
import { checkNames, type OptionNames } from "../base/option-names.ts";
import type { Client } from "../client/client.ts";

/** What an admission webhook is asked (`admission.k8s.io/v1` AdmissionRequest); what is not named here is there too. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly namespace?: string;
  readonly name?: string;
  readonly object: AnyObject | null;
  readonly oldObject: AnyObject | null;
  readonly dryRun?: boolean;
  readonly userInfo: { readonly username?: string; readonly groups?: readonly string[] };
  readonly [field: string]: unknown;
}

/** `true` lets it pass, a string refuses it with that message; `object` stands in the place of what was sent (mutating only). */
export type AdmissionVerdict =
  | boolean
  | string
  | { readonly object: KubeObject | AnyObject; readonly warnings?: readonly string[] }
  | { readonly allowed: boolean; readonly message?: string; readonly warnings?: readonly string[] };

/** A function that is asked about writes, and which ones. */
export interface AdmissionWebhook {
  /** Of the configuration object; default "test-webhook-N". */
  readonly name?: string;
  /** "pods", "pods/status", or "widgets.example.com" with the group. */
  readonly resources: readonly string[];
  /** Default CREATE and UPDATE. */
  readonly operations?: readonly string[];
  readonly review: (request: AdmissionRequest) => AdmissionVerdict | Promise<AdmissionVerdict>;
}

/** Functions of the test that the API server calls as webhooks: through its own dispatch, without a socket or a certificate. */
export interface Webhooks {
  /** Resolves when the server asks it; `remove` takes it away again. */
  validate(webhook: AdmissionWebhook): Promise<{ remove(): Promise<void> }>;
  mutate(webhook: AdmissionWebhook): Promise<{ remove(): Promise<void> }>;
  /**
   * An address that leads this cluster's API server to the function: for a `clientConfig.url` of one's own, such as a conversion's.
   * It is given the review and returns the answered one.
   */
  serve(answer: (review: AnyObject) => object | Promise<object>): string;
}

const webhookNames: OptionNames<AdmissionWebhook> = {
  name: true,
  resources: true,
  operations: true,
  review: true,
};

/** No name of the real world: `.test` is reserved. */
const host = "webhooks.k8ts.test";

export class InProcessWebhooks implements Webhooks {
  readonly #answers = new Map<string, (review: AnyObject) => object | Promise<object>>();
  readonly #client: () => Client;
  readonly #settle: () => Promise<void>;

  /** `settle` resolves when the server's caches have seen what was written before. */
  constructor(options: { readonly client: () => Client; readonly settle: () => Promise<void> }) {
    this.#client = options.client;
    this.#settle = options.settle;
  }

  /** Takes what is addressed to the test, and leaves the rest to HTTPS. */
  readonly transport = (https: WebhookTransport): WebhookTransport => ({
    post: async (target, body, options) => {
      const answer = this.#answers.get(target.url);
      if (answer === undefined) return https.post(target, body, options);
      // As over a wire: neither side sees what the other does to it afterwards.
      return structuredClone(await answer(structuredClone(body) as AnyObject));
    },
  });

  serve(answer: (review: AnyObject) => object | Promise<object>): string {
    const url = `https://${host}/${this.#answers.size + 1}`;
    this.#answers.set(url, answer);
    return url;
  }

  async validate(webhook: AdmissionWebhook): Promise<{ remove(): Promise<void> }> {
    const { name, webhooks } = this.#configurationOf(webhook);
    const configuration: ValidatingWebhookConfiguration = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name },
      webhooks,
    };
    await this.#client().create(validatingWebhookConfigurations, configuration);
    return this.#registered(async () => {
      await this.#client().delete(validatingWebhookConfigurations, { name });
    });
  }

  async mutate(webhook: AdmissionWebhook): Promise<{ remove(): Promise<void> }> {
    const { name, webhooks } = this.#configurationOf(webhook);
    const configuration: MutatingWebhookConfiguration = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name },
      webhooks,
    };
    await this.#client().create(mutatingWebhookConfigurations, configuration);
    return this.#registered(async () => {
      await this.#client().delete(mutatingWebhookConfigurations, { name });
    });
  }

  async #registered(remove: () => Promise<void>): Promise<{ remove(): Promise<void> }> {
    await this.#settle();
    return {
      remove: async () => {
        await remove();
        await this.#settle();
      },
    };
  }

  #configurationOf(webhook: AdmissionWebhook) {
    checkNames("webhook", webhook, webhookNames);
    const { name, resources, operations = ["CREATE", "UPDATE"], review } = webhook;
    if (!Array.isArray(resources) || typeof review !== "function")
      throw new TypeError('webhook: it needs resources, a list such as ["pods"], and a review, a function');
    const url = this.serve(async (asked) => {
      const request = asked.request as AdmissionRequest; // the server's own AdmissionReview
      return {
        ...asked,
        request: undefined,
        response: { uid: request.uid, ...responseTo(await review(request)) },
      };
    });
    const configured = name ?? `test-webhook-${this.#answers.size}`;
    return {
      name: configured,
      webhooks: [
        {
          name: `${configured}.k8ts.test`,
          clientConfig: { url },
          rules: resources.map((resource) => ruleOf(resource, operations)),
          admissionReviewVersions: ["v1"],
          sideEffects: "None",
        },
      ],
    };
  }
}

function ruleOf(resource: string, operations: readonly string[]): RuleWithOperations {
  const [plural = "", ...subresource] = resource.split("/");
  const [name = "", ...group] = plural.split(".");
  return {
    // Which group a bare plural is of need not be said.
    apiGroups: [group.length === 0 ? "*" : group.join(".")],
    apiVersions: ["*"],
    resources: [[name, ...subresource].join("/")],
    operations: [...operations],
    scope: "*",
  };
}

function responseTo(verdict: AdmissionVerdict): object {
  if (typeof verdict === "boolean") return { allowed: verdict };
  if (typeof verdict === "string") return { allowed: false, status: { message: verdict } };
  if ("allowed" in verdict) {
    const { allowed, message, warnings } = verdict;
    return { allowed, warnings, ...(message === undefined ? {} : { status: { message } }) };
  }
  const patch = [{ op: "replace", path: "", value: verdict.object }];
  return {
    allowed: true,
    warnings: verdict.warnings,
    patchType: "JSONPatch",
    patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
  };
}
