import {
  type ApiError,
  badRequest,
  failure,
  forbidden,
  internalError,
  notFound,
} from "../../apimachinery/api-error.ts";
import type { LabelSelector } from "../../apimachinery/label-selector.ts";
import { selectorMatches } from "../../apimachinery/label-selector.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { rfc3339 } from "../../base/clock.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { readObject } from "../content/input.ts";
import { inNamespace } from "../registry/metadata.ts";
import { deleteOptions, writeOptions } from "../registry/options.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { Place } from "../registry/store-calls.ts";
import { statusRules } from "../registry/update-rules.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { placeOf, respond } from "./call.ts";
import { admitCreate, createCall } from "./writes.ts";

const evictionKind = { group: "policy", version: "v1", kind: "Eviction" };
const violation = "Cannot evict pod as it would violate the pod's disruption budget.";
const maxDisruptedPods = 2000;

interface Budget extends AnyObject {
  readonly spec?: { readonly selector?: LabelSelector; readonly unhealthyPodEvictionPolicy?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly disruptedPods?: Readonly<Record<string, string>>;
  };
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly PodCondition[];
}

/** POST to pods/eviction: a delete that disruption budgets may refuse for now (429). */
export async function handleEviction(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const options = writeOptions("CreateOptions", call.request.query);
  const { fieldValidation } = options;
  const decoded = await readObject(call.request, context.input, { kind: evictionKind, fieldValidation });
  if (decoded === undefined) throw badRequest("an Eviction is required");
  call.audit?.requestObject(() => decoded.object);
  const place = placeOf(call);
  const eviction = await admitCreate(context, call, inNamespace(decoded.object, place.namespace), options);
  if ((eviction.metadata.name ?? "") !== place.name)
    throw badRequest("name in URL does not match name in Eviction object");
  await createCall(context, call, options).validate(eviction);
  const deletion = deleteOptions(new URLSearchParams(), eviction.deleteOptions);
  const dryRun = options.dryRun || deletion.dryRun;

  const pod = await call.store.get(place);
  if (!mayIgnoreBudgets(pod)) await takeFromBudget(context, pod, dryRun);
  // What was weighed is this pod: not one of the same name that came after it.
  const uid = deletion.preconditions?.uid ?? pod.metadata.uid;
  if (!dryRun && uid === pod.metadata.uid) await markDisrupted(context, call.store, pod);
  await call.store.delete(place, {
    options: {
      ...deletion,
      dryRun,
      preconditions: { ...(uid === undefined ? {} : { uid }), ...deletion.preconditions },
    },
    validate: async () => {},
  });
  return respond(call, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

/** Says on the pod why it goes, before it goes: a job may then leave its end uncounted (`podFailurePolicy`). */
async function markDisrupted(
  context: HandlerContext,
  store: ResourceStore,
  { metadata: { namespace = "", name = "", uid } }: AnyObject,
): Promise<void> {
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    lastTransitionTime: rfc3339(context.clock.now()),
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
  };
  await changeStatus(store, { namespace, name }, false, (existing) => {
    // Another pod has the name by now: the delete's precondition says so.
    if (existing.metadata.uid !== uid) return existing;
    const status = statusOf(existing);
    const { conditions = [] } = status;
    const isSame = ({ type, status: is, reason }: PodCondition) =>
      type === condition.type && is === condition.status && reason === condition.reason;
    if (conditions.some(isSame)) return existing;
    const others = conditions.filter(({ type }) => type !== condition.type);
    return { ...existing, status: { ...status, conditions: [...others, condition] } };
  });
}

/** A status write of the server's own, of what is there now. Throws 404 where nothing is. */
async function changeStatus(
  store: ResourceStore,
  place: Place,
  dryRun: boolean,
  change: (existing: AnyObject) => AnyObject,
): Promise<void> {
  await store.update(place, {
    dryRun,
    rules: statusRules(store.definition),
    unconditional: true,
    warn: () => {},
    validate: async () => {},
    change: async (existing) => {
      if (existing === undefined) throw notFound(store.resource, place.name);
      return change(existing);
    },
  });
}

function statusOf(pod: AnyObject): PodStatus {
  return (pod.status ?? {}) as PodStatus; // a Pod as the registry keeps it
}

function mayIgnoreBudgets(pod: AnyObject): boolean {
  const { phase } = statusOf(pod);
  if (phase === "Succeeded" || phase === "Failed" || phase === "Pending") return true;
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Uses up one of the disruptions the pod's budget allows. Throws 429 where there is none left. */
async function takeFromBudget(context: HandlerContext, pod: AnyObject, dryRun: boolean): Promise<void> {
  const store = context.storeOf({ group: "policy", plural: "poddisruptionbudgets" });
  if (store === undefined) return;
  const { namespace = "", labels } = pod.metadata;
  const { items } = await store.cache.list({ selection: { namespace } });
  const budgets = items
    .map(({ object }) => object as Budget) // PodDisruptionBudgets as the registry keeps them
    .filter((budget) => selectorMatches(budget.spec?.selector, labels));
  const [budget] = budgets;
  if (budget === undefined) return;
  if (budgets.length > 1)
    throw internalError(
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  if (mayEvictUnready(pod, budget)) return;
  await decrement(context, store, budget, pod.metadata.name ?? "", dryRun);
}

/** A running pod that is not ready gives no service: most budgets let it go. */
function mayEvictUnready(pod: AnyObject, { spec, status = {} }: Budget): boolean {
  const { phase, conditions = [] } = statusOf(pod);
  const ready = conditions.some(({ type, status: is }) => type === "Ready" && is === "True");
  if (phase !== "Running" || ready) return false;
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status;
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

async function decrement(
  context: HandlerContext,
  store: ResourceStore,
  { metadata }: Budget,
  podName: string,
  dryRun: boolean,
): Promise<void> {
  const { namespace = "", name = "" } = metadata;
  await changeStatus(store, { namespace, name }, dryRun, (existing) =>
    withOneLess(existing as Budget, podName, rfc3339(context.clock.now())),
  );
}

function withOneLess(budget: Budget, podName: string, now: string): AnyObject {
  const { status = {}, metadata } = budget;
  const name = metadata.name ?? "";
  const { disruptionsAllowed = 0, observedGeneration = 0, disruptedPods = {} } = status;
  if (observedGeneration < (metadata.generation ?? 0))
    throw refused(`The disruption budget ${name} is still being processed by the server.`, 10);
  if (disruptionsAllowed < 0)
    throw forbidden(
      { group: "policy", resource: "poddisruptionbudget" },
      name,
      "pdb disruptions allowed is negative",
    );
  if (Object.keys(disruptedPods).length > maxDisruptedPods)
    throw forbidden(
      { group: "policy", resource: "poddisruptionbudget" },
      name,
      "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
    );
  if (disruptionsAllowed === 0)
    throw refused(
      `The disruption budget ${name} needs ${status.desiredHealthy ?? 0} healthy pods and has ${status.currentHealthy ?? 0} currently`,
      0,
    );
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: disruptionsAllowed - 1,
      disruptedPods: { ...disruptedPods, [podName]: now },
    },
  };
}

function refused(why: string, retryAfterSeconds: number): ApiError {
  return failure(429, "TooManyRequests", violation, {
    causes: [{ reason: "DisruptionBudget", message: why }],
    ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  });
}
