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
import { Reinvocation } from "../reinvocation.ts";
import { annotateMutation } from "./annotations.ts";
import {
  callWebhook,
  type Invocation,
  invocationOf,
  namespaceLabelsFor,
  type WebhookDependencies,
} from "./dispatch.ts";
import { isExempt, orderedWebhooks } from "./match.ts";

const mutatingName = "MutatingAdmissionWebhook";

/**
 * Calls the mutating webhooks one after the other, each seeing what the one before made of the object. When one changed
 * it, all plugins see it again, and of the webhooks those that asked to.
 */
export function mutatingWebhooks(dependencies: WebhookDependencies): AdmissionPlugin {
  const lister = dependencies.informers.informer(mutatingWebhookConfigurations).lister;
  // Asked for now, so that it is started with the others: calls look services up in it.
  dependencies.informers.informer(services);
  return {
    name: mutatingName,
    handles: () => true,
    admit(attributes) {
      const configurations = lister.list();
      if (configurations.length === 0 || isExempt(attributes)) return attributes.object;
      return mutate(dependencies, configurations, attributes);
    },
  };
}

async function mutate(
  dependencies: WebhookDependencies,
  configurations: readonly MutatingWebhookConfiguration[],
  attributes: AdmissionAttributes,
): Promise<AnyObject | undefined> {
  const labels = await namespaceLabelsFor(dependencies, attributes);
  const nameOf = (webhook: MutatingWebhook) =>
    configurations.find((each) => each.webhooks?.includes(webhook))?.metadata.name ?? "";
  const calls = (attributes.course?.reinvocation ?? new Reinvocation()).of(mutatingName);
  calls.begin(attributes.object);
  let current = attributes;
  for (const [index, webhook] of orderedWebhooks<MutatingWebhook>(configurations).entries()) {
    const invocation = invocationOf(webhook, current, labels, dependencies);
    if (invocation === undefined) continue;
    const key = `${nameOf(webhook)}/${webhook.name}`;
    if (!calls.calls(key)) continue;
    const changed = await callMutating(dependencies, invocation, current, {
      round: calls.round,
      index,
      configuration: nameOf(webhook),
    });
    if (changed !== undefined) {
      calls.changed();
      current = withObject(current, changed);
    }
    if (webhook.reinvocationPolicy === "IfNeeded") calls.called(key);
  }
  calls.end(current.object);
  return current.object;
}

/** The object as one webhook wants it; undefined: as it is. */
async function callMutating(
  dependencies: WebhookDependencies,
  invocation: Invocation<MutatingWebhook>,
  attributes: AdmissionAttributes,
  place: { readonly round: number; readonly index: number; readonly configuration: string },
): Promise<AnyObject | undefined> {
  const answer = await callWebhook(dependencies, invocation, attributes, { mutating: true, ...place });
  const patched = patchedObject(dependencies, invocation, attributes, answer?.patch);
  const mutated = patched !== undefined && !jsonEqual(patched, attributes.object);
  annotateMutation(attributes, {
    ...place,
    webhook: invocation.webhook.name,
    mutated,
    ...(patched === undefined ? {} : { patch: answer?.patch }),
  });
  return mutated ? patched : undefined;
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
