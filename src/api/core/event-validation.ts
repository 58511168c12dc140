import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain, qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { immutableStruct } from "../go-form.ts";
import type { Event } from "./types.generated.ts";

/** Events stand in the namespace of what they are about; those of the newer form must say more. */
export function validateEvent(event: Event): readonly FieldError[] {
  return validateForm(event, "reportingComponent");
}

/** The controller that reports is a field of another name in each of the two APIs. */
type ControllerField = "reportingComponent" | "reportingController";

function validateForm(event: Event, controllerField: ControllerField): readonly FieldError[] {
  const namespace = event.metadata.namespace ?? "";
  const about = event.involvedObject?.namespace ?? "";
  const errors: FieldError[] = [];
  const isNew = event.eventTime !== undefined && event.eventTime !== null;
  // What has no namespace is told of in the default one, by the newer form also in the system's.
  const forClusterWide = isNew ? ["default", "kube-system"] : ["", "default"];
  const fits = about === "" ? forClusterWide.includes(namespace) : isNew || about === namespace;
  if (!fits) errors.push(field.invalid("involvedObject.namespace", about, "does not match event.namespace"));
  if (isNew) errors.push(...newFormErrors(event, controllerField));
  errors.push(...field.invalidEach("namespace", namespace, dns1123Subdomain(namespace)));
  return errors;
}

const maxFieldBytes = 128;
const maxMessageBytes = 1024;

function newFormErrors(event: Event, controllerField: ControllerField): readonly FieldError[] {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  const errors: FieldError[] = [];
  if (reportingComponent === "") errors.push(field.required(controllerField));
  errors.push(...field.invalidEach(controllerField, reportingComponent, qualifiedName(reportingComponent)));
  for (const [name, value] of Object.entries({ reportingInstance, action, reason })) {
    if (value === "") errors.push(field.required(name));
    if (byteLength(value) > maxFieldBytes)
      errors.push(field.invalid(name, "", `can have at most ${maxFieldBytes} characters`));
  }
  if (byteLength(message) > maxMessageBytes)
    errors.push(field.invalid("message", "", `can have at most ${maxMessageBytes} characters`));
  return errors;
}

/** What is made through `events.k8s.io` has the newer form, and nothing of the older one. */
export function validateNewEvent(event: Event): readonly FieldError[] {
  const { type = "", firstTimestamp, lastTimestamp, count = 0, source = {} } = event;
  const unset = (name: string, isSet: boolean) =>
    isSet ? [field.invalid(name, "", "needs to be unset")] : [];
  return [
    ...validateForm(event, "reportingController"),
    ...seriesErrors(event),
    ...(event.eventTime ? [] : [field.required("eventTime")]),
    ...(type === "Normal" || type === "Warning"
      ? []
      : [field.invalid("type", "", `has invalid value: ${type}`)]),
    ...unset("firstTimestamp", Boolean(firstTimestamp)),
    ...unset("lastTimestamp", Boolean(lastTimestamp)),
    ...unset("count", count !== 0),
    ...unset("source", Boolean(source.component) || Boolean(source.host)),
  ];
}

/** Of `series.count`, upstream's path is one name. */
function seriesErrors({ series }: Event): readonly FieldError[] {
  if (series === undefined) return [];
  return [
    ...((series.count ?? 0) < 2 ? [field.invalid("series.count", "", "should be at least 2")] : []),
    ...(series.lastObservedTime ? [] : [field.required("series.lastObservedTime")]),
  ];
}

const fixedFields = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "reason",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
] as const;

const structs: Readonly<Record<string, string>> = {
  involvedObject: "ObjectReference",
  source: "EventSource",
  related: "ObjectReference",
};

function fixedErrors(name: string, value: unknown, old: unknown): readonly FieldError[] {
  const path = name === "reportingComponent" ? "reportingController" : name;
  const struct = structs[name];
  return struct === undefined ? field.immutable(path, value, old) : immutableStruct(struct, path, value, old);
}

/** Through `events.k8s.io` an event can only be told to have happened again. */
export function validateNewEventUpdate(event: Event, old: Event): readonly FieldError[] {
  return [
    ...validateForm(event, "reportingController"),
    ...(field.semanticEqual(event.series, old.series) ? [] : seriesErrors(event)),
    ...fixedFields.flatMap((name) => fixedErrors(name, event[name] || undefined, old[name] || undefined)),
  ];
}
