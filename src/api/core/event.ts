import { nameColumn, stringColumn, wide } from "../columns.ts";
import { defineResource } from "../define.ts";
import type { Column, ColumnContext } from "../definition.ts";
import { fillAbsent } from "../fill.ts";
import { humanAge } from "../human-duration.ts";
import { events } from "../resources.generated.ts";
import { validateEvent } from "./event-validation.ts";
import type { Event } from "./types.generated.ts";

const eventTtlSeconds = 3600;

function defaultEvent(event: Event): Event {
  return fillAbsent(event, { involvedObject: {}, source: {}, reportingComponent: "", reportingInstance: "" });
}

function firstSeen(event: Event, { nowMs }: ColumnContext): string {
  return humanAge(event.firstTimestamp ?? event.eventTime, nowMs);
}

function lastSeen(event: Event, context: ColumnContext): string {
  if (event.series !== undefined) return humanAge(event.series.lastObservedTime, context.nowMs);
  if (event.lastTimestamp === undefined || event.lastTimestamp === null) return firstSeen(event, context);
  return humanAge(event.lastTimestamp, context.nowMs);
}

function target({ involvedObject: { kind = "", name = "" } }: Event): string {
  return name === "" ? kind.toLowerCase() : `${kind.toLowerCase()}/${name}`;
}

function source({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || "";
  const instance = source?.host || reportingInstance || "";
  return instance === "" ? component : `${component}, ${instance}`;
}

const columns: readonly Column<Event>[] = [
  stringColumn("Last Seen", "Time since it happened last.", lastSeen),
  stringColumn("Type", "Normal or Warning.", ({ type }) => type ?? ""),
  stringColumn("Reason", "Why, in one word.", ({ reason }) => reason ?? ""),
  stringColumn("Object", "What it is about.", target),
  wide(
    stringColumn(
      "Subobject",
      "The part it is about.",
      ({ involvedObject }) => involvedObject.fieldPath ?? "",
    ),
  ),
  wide(stringColumn("Source", "Who reports.", source)),
  stringColumn("Message", "What happened.", ({ message }) => (message ?? "").trim()),
  wide(stringColumn("First Seen", "Time since it happened first.", firstSeen)),
  wide(stringColumn("Count", "How often it happened.", ({ series, count }) => series?.count ?? (count || 1))),
  wide(nameColumn),
];

export const eventDefinition = defineResource(events, {
  shortNames: ["ev"],
  columns,
  strategy: {
    ttlSeconds: eventTtlSeconds,
    createOnUpdate: true,
    defaults: defaultEvent,
    validate: validateEvent,
    validateUpdate: validateEvent,
  },
  selectableFields: {
    "involvedObject.kind": ({ involvedObject }) => involvedObject.kind ?? "",
    "involvedObject.namespace": ({ involvedObject }) => involvedObject.namespace ?? "",
    "involvedObject.name": ({ involvedObject }) => involvedObject.name ?? "",
    "involvedObject.uid": ({ involvedObject }) => involvedObject.uid ?? "",
    "involvedObject.apiVersion": ({ involvedObject }) => involvedObject.apiVersion ?? "",
    "involvedObject.resourceVersion": ({ involvedObject }) => involvedObject.resourceVersion ?? "",
    "involvedObject.fieldPath": ({ involvedObject }) => involvedObject.fieldPath ?? "",
    reason: ({ reason }) => reason ?? "",
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? "",
    source: ({ source, reportingComponent }) => source?.component || reportingComponent || "",
    type: ({ type }) => type ?? "",
  },
});
