import { isApiError } from "../../apimachinery/api-error.ts";
import type { KubeObject, ResourceType } from "../../apimachinery/meta.ts";
import { semanticallyEqual } from "../../apimachinery/semantic-equality.ts";
import type { Client, ObjectName } from "../../client/client.ts";
import type { CompletedWrite } from "../../client/expectations.ts";
import type {
  CreateIntent,
  DeleteCollectionIntent,
  DeleteIntent,
  EventText,
  Intent,
  IntentFailure,
  PatchIntent,
  SubresourceIntent,
  UpdateIntent,
  UpdateStatusIntent,
} from "./intent.ts";

/** Records an event about an object; never fails and never waits. */
export type RecordEvent = (regarding: KubeObject, event: EventText) => void;

export interface CarryOutDependencies {
  readonly client: Client;
  readonly recordEvent: RecordEvent;
  readonly completed: (write: CompletedWrite) => void;
  readonly wake: (key: string) => void;
  /** A failure that stops nothing. */
  readonly tolerated: (failure: IntentFailure) => void;
  readonly signal: AbortSignal;
}

export interface CarriedOut {
  /** The first intent that failed; those after it were left out unless they are marked `always`. */
  readonly failure?: IntentFailure;
  readonly requeueAfterMs?: number;
  /** Writes that were sent. */
  readonly writes: number;
}

/** The most writes of one reconcile under way at once. */
const writeConcurrency = 50;

/** Carries out what a controller decided, in order. Rejects only on a broken invariant. */
export async function carryOut(
  intents: readonly Intent[],
  dependencies: CarryOutDependencies,
): Promise<CarriedOut> {
  const run: Run = { ...dependencies, latest: new Map(), writes: 0 };
  let requeueAfterMs: number | undefined;
  for (const batch of neighbours(intents)) {
    const [first] = batch;
    if (first === undefined) continue;
    if (first.action === "requeue") {
      requeueAfterMs = Math.min(requeueAfterMs ?? Number.POSITIVE_INFINITY, first.afterMs);
      continue;
    }
    if (first.action === "wake") {
      run.wake(first.key);
      continue;
    }
    if (first.action === "event") {
      if (run.failure === undefined) run.recordEvent(first.regarding, first);
      continue;
    }
    if (run.failure !== undefined && first.always !== true) continue;
    if (first.action === "create") await createSlowStart(run, batch as CreateIntent[]);
    else await inParallel(run, batch as WriteIntent[]);
  }
  return {
    writes: run.writes,
    ...(run.failure === undefined ? {} : { failure: run.failure }),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

interface Run extends CarryOutDependencies {
  /** By UID, the newest version this run has written: a second write to an object builds on the first. */
  readonly latest: Map<string, KubeObject>;
  failure?: IntentFailure;
  writes: number;
}

type WriteIntent = Exclude<Intent, { action: "requeue" } | { action: "event" } | { action: "wake" }>;

/** Neighbouring creates, deletes and patches of one resource form a batch, as do collections; all else stands alone. */
function neighbours(intents: readonly Intent[]): Intent[][] {
  const batches: Intent[][] = [];
  for (const intent of intents) {
    const batch = batches.at(-1);
    if (batch?.every((previous) => mayRunBeside(intent, previous))) batch.push(intent);
    else batches.push([intent]);
  }
  return batches;
}

function mayRunBeside(intent: Intent, previous: Intent): boolean {
  if (intent.action === "deleteCollection") return previous.action === "deleteCollection";
  if (intent.action === "patch") {
    return (
      previous.action === "patch" &&
      previous.type === intent.type &&
      previous.object.metadata.uid !== intent.object.metadata.uid
    );
  }
  if (intent.action !== "create" && intent.action !== "delete") return false;
  return previous.action === intent.action && previous.type === intent.type;
}

/**
 * 1, 2, 4, … at once, and none after a batch with a failure: where every create fails (quota, admission), the API
 * server is asked once, not a hundred times.
 */
async function createSlowStart(run: Run, intents: readonly CreateIntent[]): Promise<void> {
  let size = 1;
  for (let start = 0; start < intents.length; start += size, size *= 2) {
    if (start > 0) size = Math.min(size, intents.length - start);
    const results = await Promise.all(
      intents.slice(start, start + size).map((intent) => attempt(run, intent)),
    );
    if (results.includes(false)) return;
  }
}

async function inParallel(run: Run, intents: readonly WriteIntent[]): Promise<void> {
  for (let start = 0; start < intents.length; start += writeConcurrency) {
    await Promise.all(intents.slice(start, start + writeConcurrency).map((intent) => attempt(run, intent)));
  }
}

/** False where the intent failed. */
async function attempt(run: Run, intent: WriteIntent): Promise<boolean> {
  try {
    const written = await send(run, intent);
    const event = intent.report?.succeeded?.(written);
    if (intent.report !== undefined && event !== undefined) run.recordEvent(intent.report.regarding, event);
    return true;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (intent.ignore?.some((reason) => isApiError(error, reason))) return true;
    const event = intent.report?.failed?.(error);
    if (intent.report !== undefined && event !== undefined) run.recordEvent(intent.report.regarding, event);
    const failure = { action: intent.action, error };
    if (intent.optional) run.tolerated(failure);
    else run.failure ??= failure;
    return intent.optional === true;
  }
}

function send(run: Run, intent: WriteIntent): Promise<KubeObject | undefined> {
  switch (intent.action) {
    case "create":
      return sendCreate(run, intent);
    case "update":
      return sendUpdate(run, intent);
    case "updateStatus":
      return sendStatus(run, intent);
    case "patch":
      return sendPatch(run, intent);
    case "delete":
      return sendDelete(run, intent);
    case "deleteCollection":
      return sendDeleteCollection(run, intent);
    case "createSubresource":
      return sendSubresource(run, intent);
  }
}

async function sendCreate(run: Run, { type, object }: CreateIntent): Promise<KubeObject> {
  run.writes++;
  const created = await run.client.create(type, object, { signal: run.signal });
  wrote(run, type, created);
  return created;
}

async function sendUpdate(run: Run, intent: UpdateIntent): Promise<KubeObject | undefined> {
  const { type, from, object, subresource } = intent;
  if (semanticallyEqual(from, object)) return undefined;
  run.writes++;
  const updated = await run.client.update(type, onTopOfLatest(run, object), {
    signal: run.signal,
    ...(subresource === undefined ? {} : { subresource }),
  });
  wrote(run, type, updated);
  return updated;
}

async function sendStatus(run: Run, intent: UpdateStatusIntent): Promise<KubeObject | undefined> {
  const { type, object } = intent;
  const status =
    run.failure === undefined ? intent.status : (intent.whenFailed?.(run.failure) ?? intent.status);
  if (semanticallyEqual((object as { status?: object }).status ?? {}, status)) return undefined;
  run.writes++;
  const base = run.latest.get(object.metadata.uid ?? "") ?? object;
  const body: KubeObject & { status: object } = { ...base, status };
  const updated = await run.client.update(type, body, { signal: run.signal, subresource: "status" });
  wrote(run, type, updated);
  return updated;
}

async function sendPatch(run: Run, intent: PatchIntent): Promise<KubeObject> {
  const { type, object, subresource } = intent;
  run.writes++;
  const patched = await run.client.patch(type, nameOf(object), intent.patch, {
    signal: run.signal,
    ...(subresource === undefined ? {} : { subresource }),
  });
  wrote(run, type, patched);
  return patched;
}

async function sendDelete(run: Run, intent: DeleteIntent): Promise<undefined> {
  const { type, object, options, onlyIfUnchanged = false } = intent;
  run.writes++;
  const { uid, resourceVersion } = object.metadata;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(onlyIfUnchanged && resourceVersion !== undefined ? { resourceVersion } : {}),
  };
  try {
    await run.client.delete(type, nameOf(object), { signal: run.signal, preconditions, ...options });
  } catch (error) {
    // Gone, or another object has the name by now: either way this one is deleted.
    const isGone = isApiError(error, "NotFound") || (isApiError(error, "Conflict") && !onlyIfUnchanged);
    if (!isGone) throw error;
  }
  run.completed({ change: "deleted", type, object });
  return undefined;
}

async function sendDeleteCollection(run: Run, intent: DeleteCollectionIntent): Promise<undefined> {
  run.writes++;
  const { type, namespace, options } = intent;
  await run.client.deleteCollection(type, { namespace }, { signal: run.signal, ...options });
  return undefined;
}

async function sendSubresource(run: Run, intent: SubresourceIntent): Promise<KubeObject> {
  run.writes++;
  const { type, name, subresource, body } = intent;
  return run.client.createSubresource(type, name, subresource, body, { signal: run.signal });
}

function wrote(run: Run, type: ResourceType<KubeObject>, object: KubeObject): void {
  if (object.metadata.uid !== undefined) run.latest.set(object.metadata.uid, object);
  run.completed({ change: "written", type, object });
}

/** An earlier write of this run moved the resourceVersion; this one is meant to come after it. */
function onTopOfLatest<T extends KubeObject>(run: Run, object: T): T {
  const resourceVersion = run.latest.get(object.metadata.uid ?? "")?.metadata.resourceVersion;
  if (resourceVersion === undefined) return object;
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

function nameOf({ metadata }: KubeObject): ObjectName {
  const { name = "", namespace } = metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
