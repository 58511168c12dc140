import { validateBinding } from "../../api/core/binding.ts";
import { badRequest, conflict, failure, sentenceOf } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { readObject } from "../content/input.ts";
import { inNamespace, withMetadata } from "../registry/metadata.ts";
import { writeOptions } from "../registry/options.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { UpdateRules } from "../registry/update-rules.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { placeOf, respond } from "./call.ts";
import { admitCreate, createCall } from "./writes.ts";

const bindingKind = { group: "", version: "v1", kind: "Binding" };

interface Binding extends AnyObject {
  readonly target?: { readonly kind?: string; readonly name?: string };
}

/** POST of a Binding, to pods/binding or to the collection `bindings`: the scheduler's decision. */
export async function handleBinding(
  context: HandlerContext,
  call: ResourceCall,
  pods: ResourceStore,
): Promise<ApiResponse> {
  const options = writeOptions("CreateOptions", call.request.query);
  const { fieldValidation } = options;
  const decoded = await readObject(call.request, context.input, { kind: bindingKind, fieldValidation });
  if (decoded === undefined) throw badRequest("a Binding is required");
  call.audit?.requestObject(() => decoded.object);
  const { namespace } = placeOf(call);
  const admitted = await admitCreate(context, call, inNamespace(decoded.object, namespace), {
    ...options,
    keepsIdentity: true,
  });
  const binding = admitted as Binding; // decoded as one
  const name = binding.metadata.name ?? "";
  if (call.info.name !== "" && call.info.name !== name)
    throw badRequest("name in URL does not match name in Binding object");
  checkBinding(binding);
  await createCall(context, call, options).validate(binding);
  const node = binding.target?.name ?? "";
  const uid = binding.metadata.uid;
  await pods.update(
    { namespace, name: call.info.name || name },
    {
      dryRun: options.dryRun,
      rules: bindingRules,
      unconditional: true,
      ...(uid === undefined || uid === "" ? {} : { uid }),
      warn: call.warn,
      validate: async () => {},
      change: async (pod) => bound(pod as AnyObject, binding, node, rfc3339(context.clock.now())), // update refuses what is missing
    },
  );
  return respond(call, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

const bindingRules: UpdateRules = { prepare: (object) => object, validate: () => [] };

/** Upstream passes on what validation finds as an error of no kind. */
function checkBinding(binding: Binding): void {
  const errors = validateBinding({ target: binding.target ?? {} });
  if (errors.length === 0) return;
  throw failure(500, "", sentenceOf(errors));
}

interface PodParts {
  readonly spec?: { readonly nodeName?: string; readonly schedulingGates?: readonly unknown[] };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string }[];
    readonly nominatedNodeName?: string;
  };
}

function bound(pod: AnyObject, binding: Binding, node: string, now: string): AnyObject {
  const name = pod.metadata.name ?? "";
  const refuse = (why: string) => conflict({ group: "", resource: "pods/binding" }, name, why);
  const { spec = {}, status = {} } = pod as AnyObject & PodParts; // a Pod as the registry keeps it
  if (pod.metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if ((spec.nodeName ?? "") !== "")
    throw refuse(`pod ${name} is already assigned to node ${field.quote(spec.nodeName ?? "")}`);
  if ((spec.schedulingGates ?? []).length > 0)
    throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const { annotations, labels } = binding.metadata;
  const merged = withMetadata(pod, {
    ...(annotations === undefined ? {} : { annotations: { ...pod.metadata.annotations, ...annotations } }),
    ...(labels === undefined ? {} : { labels: { ...pod.metadata.labels, ...labels } }),
  });
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: now };
  const others = (status.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  // A nomination is for pods that wait; left behind it would mislead autoscalers.
  const { nominatedNodeName: _, ...rest } = status;
  return {
    ...merged,
    spec: { ...spec, nodeName: node },
    status: { ...rest, conditions: [...others, scheduled] },
  };
}
