import { ApiError, badRequest, expired, isApiError } from "../../apimachinery/api-error.ts";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { apiVersionOf, parseApiVersion } from "../../apimachinery/meta.ts";
import { normalize } from "../../apimachinery/schema/normalize.ts";
import { randomBelow } from "../../base/random.ts";
import type { ApiResponse, WatchEvent } from "../../client/exchange.ts";
import type { CacheList } from "../cache/watch-cache.ts";
import type { InputContext, ModelLookup } from "../content/input.ts";
import { notAcceptableStream } from "../content/negotiate.ts";
import type { ViewOptions } from "../content/views.ts";
import { inVersion, isStoredForm, showList, showWatchedObject } from "../content/views.ts";
import type { ContinueToken } from "../registry/continue-token.ts";
import { decodeContinue, encodeContinue } from "../registry/continue-token.ts";
import type { ListRequestOptions } from "../registry/options.ts";
import { listOptions } from "../registry/options.ts";
import { revisionToList, revisionToRead } from "../registry/resource-version.ts";
import { selectionOf } from "../registry/select.ts";
import { isTrue } from "../request-info.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { contentHeaders, placeOf, respondObject, viewOptions } from "./call.ts";

export async function handleGet(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const { query } = call.request;
  if (query.has("export") && isTrue(query.get("export")))
    throw badRequest("the export parameter, deprecated since v1.14, is no longer supported");
  const version = query.get("resourceVersion") ?? "";
  const minRevision = version === "" ? undefined : revisionToRead(version);
  const object = await call.store.get(placeOf(call), minRevision === undefined ? {} : { minRevision });
  return respondObject(context, call, 200, object);
}

/** GET of a collection, which is a watch where the query says so. */
export async function handleListOrWatch(
  context: HandlerContext,
  call: ResourceCall,
  forceWatch = false,
): Promise<ApiResponse> {
  const parsed = listOptions(call.request.query);
  const options = forceWatch ? { ...parsed, watch: true } : parsed;
  return options.watch ? handleWatch(context, call, options) : handleList(context, call, options);
}

function selectionFor(call: ResourceCall, options: ListRequestOptions) {
  return selectionOf(call.definition, {
    ...placeOf(call),
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  });
}

async function handleList(
  context: HandlerContext,
  call: ResourceCall,
  options: ListRequestOptions,
): Promise<ApiResponse> {
  const { definition } = call;
  const page = await readPage(call, options);
  const apiVersion = apiVersionOf({ group: definition.group, version: call.version });
  // A view is made of the stored object, as columns are written for it.
  const asStored = call.output.view !== undefined || isStoredForm(definition, call.version);
  const items = page.items.map(({ object }) =>
    asStored ? object : inVersion(definition, object, call.version),
  );
  const list: KubeList = { kind: definition.listKind, apiVersion, metadata: page.metadata, items };
  const headers = contentHeaders(call.output);
  if (call.output.view !== undefined) {
    const object = showList(list, viewOptions(context, call));
    return { type: "object", status: 200, headers, object };
  }
  const plainItems = definition.custom === undefined;
  return { type: "object", status: 200, headers, object: list, plainItems };
}

/** What of a collection a request chooses, and what its answer says of that. Throws 400 and 410. */
export async function readPage(
  call: ResourceCall,
  options: ListRequestOptions,
): Promise<{ readonly items: CacheList["items"]; readonly metadata: KubeList["metadata"] }> {
  const { keyRoot } = call.store;
  const token = options.continue === "" ? undefined : decodeContinue(options.continue, keyRoot);
  if (token !== undefined && options.resourceVersion !== "" && options.resourceVersion !== "0")
    throw badRequest("specifying resource version is not allowed when using continue");
  const { items, revision, nextKey, remaining } = await listPage(call, options, token);
  const more = nextKey === undefined ? {} : { continue: encodeContinue({ revision, key: nextKey }, keyRoot) };
  const left = nextKey === undefined || remaining === undefined ? {} : { remainingItemCount: remaining };
  const metadata = { ...emptyContinue(call), resourceVersion: String(revision), ...more, ...left };
  return { items, metadata };
}

/** Upstream keeps custom resources as they come: what other lists leave out when it is empty, theirs say. */
function emptyContinue({ definition, output }: ResourceCall): { readonly continue?: string } {
  return definition.custom === undefined || output.view !== undefined ? {} : { continue: "" };
}

async function listPage(
  call: ResourceCall,
  options: ListRequestOptions,
  token: ContinueToken | undefined,
): Promise<CacheList> {
  const { cache, keyRoot } = call.store;
  const common = {
    selection: selectionFor(call, options),
    // Upstream's cache gives all it has to whoever takes any state of it, whatever the limit.
    limit: token === undefined && options.resourceVersion === "0" ? 0 : options.limit,
    signal: call.request.signal,
  };
  if (token !== undefined) {
    const { key, revision } = token;
    if (revision === undefined) return cache.list({ ...common, continueKey: key });
    try {
      return await cache.list({ ...common, continueKey: key, exactRevision: revision });
    } catch (error) {
      if (!isApiError(error, "Expired")) throw error;
      throw expiredContinuation(encodeContinue({ key }, keyRoot));
    }
  }
  if (options.resourceVersion === "") return cache.list(common);
  const revision = revisionToList(options.resourceVersion);
  const exact =
    options.resourceVersionMatch === "Exact" ||
    // What resourceVersion meant together with a limit before there was a match to name.
    (options.resourceVersionMatch === "" && options.limit > 0 && revision > 0);
  return cache.list({ ...common, ...(exact ? { exactRevision: revision } : { minRevision: revision }) });
}

function expiredContinuation(token: string): ApiError {
  const { status } = expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  return new ApiError({ ...status, metadata: { continue: token } });
}

async function handleWatch(
  context: HandlerContext,
  call: ResourceCall,
  options: ListRequestOptions,
): Promise<ApiResponse> {
  // YAML has no frames that a client could tell apart.
  if (call.output.encoding === "yaml") throw notAcceptableStream();
  const seconds =
    options.timeoutSeconds !== undefined && options.timeoutSeconds > 0
      ? options.timeoutSeconds
      : context.minWatchSeconds + randomBelow(context.random, context.minWatchSeconds);
  const events = await call.store.cache.watch({
    selection: selectionFor(call, options),
    ...watchStart(options),
    bookmarks: options.allowWatchBookmarks,
    timeoutMs: seconds * 1000,
    signal: call.request.signal,
  });
  const shown =
    call.output.view === undefined && isStoredForm(call.definition, call.version)
      ? events
      : mapEvents(events, {
          ...viewOptions(context, call),
          now: () => context.clock.now(),
          modelOf: context.input.modelOf,
        });
  return { type: "watch", status: 200, headers: contentHeaders(call.output), events: shown };
}

/** Where a watch begins, as resourceVersion and sendInitialEvents say together. */
function watchStart({ resourceVersion, sendInitialEvents, allowWatchBookmarks }: ListRequestOptions) {
  const revision = resourceVersion === "" ? undefined : revisionToRead(resourceVersion);
  if (sendInitialEvents === true)
    return {
      ...(revision === undefined ? {} : { minRevision: revision }),
      initialEventsEnd: allowWatchBookmarks,
    };
  if (revision !== undefined && revision > 0) return { afterRevision: revision };
  return {
    ...(revision === undefined ? {} : { minRevision: revision }),
    ...(sendInitialEvents === false ? { skipInitialEvents: true } : {}),
  };
}

async function* mapEvents(
  batches: AsyncIterable<readonly WatchEvent<AnyObject>[]>,
  view: Omit<ViewOptions, "nowMs"> & Pick<InputContext, "modelOf"> & { readonly now: () => number },
): AsyncGenerator<readonly WatchEvent[]> {
  let isFirst = true;
  for await (const batch of batches) {
    const options = { ...view, nowMs: view.now() };
    yield batch.map((event) => {
      const source = event.type === "BOOKMARK" ? emptyObject(event.object, view.modelOf) : event.object;
      const object = showWatchedObject(source, options, isFirst) as AnyObject; // a view stands in an object's place
      isFirst = false;
      return { type: event.type, object };
    });
  }
}

/** A bookmark with the parts that every object of its kind has, so that columns find them. */
function emptyObject(bookmark: AnyObject, modelOf: ModelLookup): AnyObject {
  const { apiVersion, kind } = bookmark;
  const model = modelOf({ ...parseApiVersion(apiVersion), kind });
  // It is of the model's kind.
  return model === undefined ? bookmark : (normalize(model, bookmark).object as AnyObject);
}
