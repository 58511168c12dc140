import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
} from "../../../api/admissionregistration/types.generated.ts";
import {
  mutatingWebhookConfigurations,
  services,
  validatingWebhookConfigurations,
} from "../../../api/resources.generated.ts";
import { internalError } from "../../../apimachinery/api-error.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import { applyJsonPatch } from "../../../apimachinery/patch/json-patch.ts";
import { jsonEqual } from "../../../apimachinery/patch/json-value.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../../stages.ts";
import { formIn, storedForm } from "../object-forms.ts";
import { annotateMutation } from "./annotations.ts";
import {
  callWebhook,
  type Invocation,
  invocationOf,
  namespaceLabelsFor,
  type WebhookDependencies,
} from "./dispatch.ts";
import { isExempt, orderedWebhooks } from "./match.ts";

/**
 * Calls the mutating webhooks one after the other, each seeing what the one before made of the object. When one changed
 * it, the plugins that ran before (`reinvoke`) see it again, and then the webhooks that asked to.
 */
export function mutatingWebhooks(
  dependencies: WebhookDependencies,
  options: { readonly reinvoke: readonly AdmissionPlugin[] },
): AdmissionPlugin {
  const lister = dependencies.informers.informer(mutatingWebhookConfigurations).lister;
  // Asked for now, so that it is started with the others: calls look services up in it.
  dependencies.informers.informer(services);
  return {
    name: "MutatingAdmissionWebhook",
    handles: () => true,
    admit(attributes) {
      const configurations = lister.list();
      if (configurations.length === 0 || isExempt(attributes)) return attributes.object;
      return mutate(dependencies, configurations, attributes, options.reinvoke);
    },
  };
}

async function mutate(
  dependencies: WebhookDependencies,
  configurations: readonly MutatingWebhookConfiguration[],
  attributes: AdmissionAttributes,
  reinvoke: readonly AdmissionPlugin[],
): Promise<AnyObject | undefined> {
  const labels = await namespaceLabelsFor(dependencies, attributes);
  const webhooks = [...orderedWebhooks<MutatingWebhook>(configurations).entries()];
  const nameOf = (webhook: MutatingWebhook) =>
    configurations.find((each) => each.webhooks?.includes(webhook))?.metadata.name ?? "";
  const first = await round(dependencies, { number: 0, webhooks, nameOf }, attributes, labels);
  if (first.lastChange < 0 || first.object === undefined) return first.object;
  const again = await admitAgain(reinvoke, { ...attributes, object: first.object });
  const changedSince = !jsonEqual(again, first.object);
  // Those that ran before the last change, or before a plugin changed it again, see the object once more.
  const seen = webhooks.filter(
    ([index, webhook]) =>
      webhook.reinvocationPolicy === "IfNeeded" &&
      first.called.has(webhook) &&
      (changedSince || index < first.lastChange),
  );
  const second = { number: 1, webhooks: seen, nameOf };
  return (await round(dependencies, second, withObject(attributes, again), labels)).object;
}

interface Turn {
  /** 0, then 1 for those that are called again. */
  readonly number: number;
  /** With their places among all. */
  readonly webhooks: readonly (readonly [number, MutatingWebhook])[];
  /** The configuration a webhook is of. */
  readonly nameOf: (webhook: MutatingWebhook) => string;
}

interface Round {
  readonly object: AnyObject | undefined;
  readonly called: ReadonlySet<MutatingWebhook>;
  /** The index of the last webhook that changed the object; -1: none did. */
  readonly lastChange: number;
}

async function round(
  dependencies: WebhookDependencies,
  { number, webhooks, nameOf }: Turn,
  attributes: AdmissionAttributes,
  labels: Readonly<Record<string, string>> | undefined,
): Promise<Round> {
  const called = new Set<MutatingWebhook>();
  let lastChange = -1;
  let current = attributes;
  for (const [index, webhook] of webhooks) {
    const invocation = invocationOf(webhook, current, labels, dependencies);
    if (invocation === undefined) continue;
    called.add(webhook);
    const place = { round: number, index };
    const answer = await callWebhook(dependencies, invocation, current, { mutating: true, ...place });
    const patched = patchedObject(dependencies, invocation, current, answer?.patch);
    const mutated = patched !== undefined && !jsonEqual(patched, current.object);
    annotateMutation(current, {
      ...place,
      configuration: attributes.annotate === undefined ? "" : nameOf(webhook),
      webhook: webhook.name,
      mutated,
      ...(patched === undefined ? {} : { patch: answer?.patch }),
    });
    if (!mutated) continue;
    lastChange = index;
    current = withObject(current, patched);
  }
  return { object: current.object, called, lastChange };
}

function withObject(attributes: AdmissionAttributes, object: AnyObject | undefined): AdmissionAttributes {
  return object === undefined ? attributes : { ...attributes, object };
}

function patchedObject(
  dependencies: WebhookDependencies,
  { webhook, version }: Invocation<MutatingWebhook>,
  attributes: AdmissionAttributes,
  patch: unknown,
): AnyObject | undefined {
  if (!Array.isArray(patch) || patch.length === 0) return undefined;
  const { object } = attributes;
  if (object === undefined)
    throw internalError(
      `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
    );
  let patched: AnyObject;
  try {
    // A patch of an object is an object; the registry validates its shape.
    patched = applyJsonPatch(formIn(dependencies, attributes, object, version), patch) as AnyObject;
  } catch (error) {
    throw internalError(error instanceof Error ? error.message : String(error));
  }
  return storedForm(dependencies, attributes, patched);
}

/** The plugins before the webhooks, over what the webhooks made of the object. */
async function admitAgain(
  plugins: readonly AdmissionPlugin[],
  attributes: AdmissionAttributes,
): Promise<AnyObject | undefined> {
  let object = attributes.object;
  for (const plugin of plugins) {
    if (plugin.admit === undefined || !plugin.handles(attributes.operation)) continue;
    object = (await plugin.admit(withObject(attributes, object))) ?? object;
  }
  return object;
}

/** Calls all validating webhooks that want a request at once; the first refusal, in their order, is the answer. */
export function validatingWebhooks(dependencies: WebhookDependencies): AdmissionPlugin {
  const lister = dependencies.informers.informer(validatingWebhookConfigurations).lister;
  dependencies.informers.informer(services);
  return {
    name: "ValidatingAdmissionWebhook",
    handles: () => true,
    validate(attributes) {
      const configurations = lister.list();
      if (configurations.length === 0 || isExempt(attributes)) return;
      return validate(dependencies, orderedWebhooks<ValidatingWebhook>(configurations), attributes);
    },
  };
}

async function validate(
  dependencies: WebhookDependencies,
  webhooks: readonly ValidatingWebhook[],
  attributes: AdmissionAttributes,
): Promise<void> {
  const labels = await namespaceLabelsFor(dependencies, attributes);
  const calls = webhooks
    .flatMap((webhook) => invocationOf(webhook, attributes, labels, dependencies) ?? [])
    .map((invocation, index) =>
      callWebhook(dependencies, invocation, attributes, { mutating: false, round: 0, index }),
    );
  const results = await Promise.allSettled(calls);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
