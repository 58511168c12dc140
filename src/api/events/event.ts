import { eventDefinition } from "../core/event.ts";
import { validateNewEvent, validateNewEventUpdate } from "../core/event-validation.ts";
import type { Event as CoreEvent } from "../core/types.generated.ts";
import type { ResourceDefinition } from "../definition.ts";
import { eventsV1 } from "../resources.generated.ts";
import type { Event } from "./types.generated.ts";

/** The same event in the shape of the core group, in which events are stored. */
function toCoreEvent(event: Event): CoreEvent {
  const {
    regarding = {},
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    apiVersion: _apiVersion,
    ...same
  } = event;
  return {
    ...same,
    apiVersion: "v1",
    involvedObject: regarding,
    ...(note === undefined ? {} : { message: note }),
    ...(reportingController === undefined ? {} : { reportingComponent: reportingController }),
    ...(deprecatedSource === undefined ? {} : { source: deprecatedSource }),
    ...(deprecatedFirstTimestamp === undefined ? {} : { firstTimestamp: deprecatedFirstTimestamp }),
    ...(deprecatedLastTimestamp === undefined ? {} : { lastTimestamp: deprecatedLastTimestamp }),
    ...(deprecatedCount === undefined ? {} : { count: deprecatedCount }),
  };
}

/** The inverse of `toCoreEvent`. */
function fromCoreEvent(event: CoreEvent): Event {
  const {
    involvedObject,
    message,
    reportingComponent,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    series,
    eventTime,
    apiVersion: _apiVersion,
    ...same
  } = event;
  return {
    ...same,
    apiVersion: "events.k8s.io/v1",
    regarding: involvedObject,
    // The field is required here; events of the old form have none, and null is how that is written.
    eventTime: eventTime ?? (null as unknown as string),
    ...(message === undefined ? {} : { note: message }),
    ...(reportingComponent === undefined ? {} : { reportingController: reportingComponent }),
    ...(source === undefined ? {} : { deprecatedSource: source }),
    ...(firstTimestamp === undefined ? {} : { deprecatedFirstTimestamp: firstTimestamp }),
    ...(lastTimestamp === undefined ? {} : { deprecatedLastTimestamp: lastTimestamp }),
    ...(count === undefined ? {} : { deprecatedCount: count }),
    ...(series === undefined
      ? {}
      : { series: { count: series.count ?? 0, lastObservedTime: series.lastObservedTime ?? "" } }),
  };
}

/** Between the shapes of the two groups, by the group that the object says it is of. */
function convertEvent(event: CoreEvent): CoreEvent {
  // The definition's type is the stored shape; what has the other one comes from a client or goes to it.
  return event.apiVersion === "v1"
    ? (fromCoreEvent(event) as unknown as CoreEvent)
    : toCoreEvent(event as unknown as Event);
}

/** The same events as in the core group, under the names of the newer API. */
export const eventV1Definition: ResourceDefinition<CoreEvent> = {
  ...eventDefinition,
  group: eventsV1.group,
  storedAs: { group: "", plural: "events" },
  convert: convertEvent,
  strategy: {
    ...eventDefinition.strategy,
    validate: validateNewEvent,
    validateUpdate: validateNewEventUpdate,
  },
  selectableFields: {
    "regarding.kind": ({ involvedObject }) => involvedObject.kind ?? "",
    "regarding.namespace": ({ involvedObject }) => involvedObject.namespace ?? "",
    "regarding.name": ({ involvedObject }) => involvedObject.name ?? "",
    "regarding.uid": ({ involvedObject }) => involvedObject.uid ?? "",
    "regarding.apiVersion": ({ involvedObject }) => involvedObject.apiVersion ?? "",
    "regarding.resourceVersion": ({ involvedObject }) => involvedObject.resourceVersion ?? "",
    "regarding.fieldPath": ({ involvedObject }) => involvedObject.fieldPath ?? "",
    reason: ({ reason }) => reason ?? "",
    reportingController: ({ reportingComponent }) => reportingComponent ?? "",
    type: ({ type }) => type ?? "",
  },
};
