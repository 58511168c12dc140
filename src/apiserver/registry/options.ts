import type { FieldError } from "../../apimachinery/api-error.ts";
import { badRequest, invalid } from "../../apimachinery/api-error.ts";
import type { FieldValidation } from "../../apimachinery/schema/decode.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateFieldManager } from "../../apimachinery/validation-metadata.ts";
import { isTrue } from "../request-info.ts";

/** The options of requests, decoded from queries and bodies, with upstream's checks. */

export interface WriteRequestOptions {
  readonly dryRun: boolean;
  /** "" when the request names none. */
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force?: boolean;
}

export interface ListRequestOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** "" when absent. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly limit: number;
  readonly continue: string;
  readonly watch: boolean;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export type Propagation = "Background" | "Foreground" | "Orphan";

export interface DeleteRequestOptions {
  readonly gracePeriodSeconds?: number;
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: Propagation;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

type OptionsKind = "CreateOptions" | "UpdateOptions" | "PatchOptions";

const fieldValidations = ["", "Ignore", "Strict", "Warn"];

export function writeOptions(
  kind: OptionsKind,
  query: URLSearchParams,
  isApply = false,
): WriteRequestOptions {
  // Most writes carry no options at all.
  if (query.size === 0 && !isApply) return plainWrite;
  const errors: FieldError[] = [];
  const fieldManager = query.get("fieldManager") ?? "";
  const force = query.get("force");
  if (isApply && fieldManager === "")
    errors.push(field.required("fieldManager", "is required for apply patch"));
  if (kind === "PatchOptions" && !isApply && force !== null)
    errors.push(field.forbidden("force", "may not be specified for non-apply patch"));
  errors.push(...validateFieldManager("fieldManager", fieldManager));
  const dryRun = readDryRun(query.getAll("dryRun"), errors);
  const validation = query.get("fieldValidation") ?? "";
  if (!fieldValidations.includes(validation))
    errors.push(field.notSupported("fieldValidation", validation, fieldValidations));
  refuse(kind, errors);
  return {
    dryRun,
    fieldManager,
    fieldValidation: validation === "" ? "Warn" : (validation as FieldValidation), // checked above
    ...(force === null ? {} : { force: isTrue(force) }),
  };
}

const plainWrite: WriteRequestOptions = { dryRun: false, fieldManager: "", fieldValidation: "Warn" };

function readDryRun(values: readonly string[], errors: FieldError[]): boolean {
  if (values.some((value) => value !== "All")) errors.push(field.notSupported("dryRun", values, ["All"]));
  return values.length > 0;
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", errors);
}

export function listOptions(query: URLSearchParams): ListRequestOptions {
  const sendInitialEvents = query.get("sendInitialEvents");
  const timeoutSeconds = readInteger(query, "timeoutSeconds");
  const options: ListRequestOptions = {
    labelSelector: query.get("labelSelector") ?? "",
    fieldSelector: query.get("fieldSelector") ?? "",
    resourceVersion: query.get("resourceVersion") ?? "",
    resourceVersionMatch: query.get("resourceVersionMatch") ?? "",
    limit: Math.max(readInteger(query, "limit") ?? 0, 0), // below zero: none
    continue: query.get("continue") ?? "",
    watch: isTrue(query.get("watch")),
    allowWatchBookmarks: isTrue(query.get("allowWatchBookmarks")),
    ...(sendInitialEvents === null ? {} : { sendInitialEvents: isTrue(sendInitialEvents) }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(sendInitialEvents === null ? watchDefaults(query) : {}),
  };
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  refuse("ListOptions", errors);
  return options;
}

/** A watch from any state begins with what there is, and says where that ends (KEP-3157): also where nobody asks for it by name. */
function watchDefaults(query: URLSearchParams): Partial<ListRequestOptions> {
  const fromAnyState = ["", "0"].includes(query.get("resourceVersion") ?? "");
  const choosesMatch = (query.get("resourceVersionMatch") ?? "") !== "";
  if (!isTrue(query.get("watch")) || !fromAnyState || choosesMatch) return {};
  return { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" };
}

function listErrors(options: ListRequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (match !== "") {
    if (options.resourceVersion === "")
      errors.push(
        field.forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
      );
    if (options.continue !== "")
      errors.push(
        field.forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden when continue is provided",
        ),
      );
    if (match !== "Exact" && match !== "NotOlderThan")
      errors.push(field.notSupported("resourceVersionMatch", match, ["Exact", "NotOlderThan", ""]));
    if (match === "Exact" && options.resourceVersion === "0")
      errors.push(
        field.forbidden(
          "resourceVersionMatch",
          'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
      );
  }
  if (options.sendInitialEvents !== undefined)
    errors.push(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return errors;
}

function watchErrors(options: ListRequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== "NotOlderThan")
    errors.push(
      field.forbidden(
        "resourceVersionMatch",
        "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
      ),
    );
  if (match !== "") {
    if (options.sendInitialEvents === undefined)
      errors.push(
        field.forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
      );
    if (match !== "NotOlderThan")
      errors.push(field.notSupported("resourceVersionMatch", match, ["NotOlderThan"]));
    if (options.continue !== "")
      errors.push(
        field.forbidden(
          "resourceVersionMatch",
          "resourceVersionMatch is forbidden when continue is provided",
        ),
      );
  }
  return errors;
}

/** From the body where there is one, else from the query. */
export function deleteOptions(query: URLSearchParams, body: unknown): DeleteRequestOptions {
  const source = body === undefined ? fromQuery(query) : fromBody(body);
  const errors: FieldError[] = [];
  const { orphanDependents, propagationPolicy, dryRun } = source;
  if (orphanDependents !== undefined && propagationPolicy !== undefined)
    errors.push(
      field.invalid(
        "propagationPolicy",
        propagationPolicy,
        "orphanDependents and deletionPropagation cannot be both set",
      ),
    );
  if (propagationPolicy !== undefined && !["Foreground", "Background", "Orphan"].includes(propagationPolicy))
    errors.push(
      field.notSupported("propagationPolicy", propagationPolicy, [
        "Foreground",
        "Background",
        "Orphan",
        "nil",
      ]),
    );
  const isDryRun = readDryRun(dryRun ?? [], errors);
  refuse("DeleteOptions", errors);
  const { uid, resourceVersion } = source.preconditions ?? {};
  const preconditions = {
    ...(uid === undefined || uid === null ? {} : { uid }),
    ...(resourceVersion === undefined || resourceVersion === null ? {} : { resourceVersion }),
  };
  const grace = source.gracePeriodSeconds;
  return {
    dryRun: isDryRun,
    // Upstream takes what is below zero for one second.
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace < 0 ? 1 : grace }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy: propagationPolicy as Propagation }), // checked above
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
  };
}

interface RawDeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly orphanDependents?: boolean;
  readonly propagationPolicy?: string;
  readonly preconditions?: { readonly uid?: string | null; readonly resourceVersion?: string | null };
  readonly dryRun?: readonly string[];
}

function fromQuery(query: URLSearchParams): RawDeleteOptions {
  const grace = readInteger(query, "gracePeriodSeconds");
  const orphan = query.get("orphanDependents");
  const propagation = query.get("propagationPolicy");
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === null ? {} : { orphanDependents: isTrue(orphan) }),
    ...(propagation === null ? {} : { propagationPolicy: propagation }),
    dryRun: query.getAll("dryRun"),
  };
}

function fromBody(body: unknown): RawDeleteOptions {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw badRequest("decoded object cannot be converted to DeleteOptions");
  const options = body as Readonly<Record<string, unknown>>;
  const grace = optional(options, "gracePeriodSeconds", "number");
  if (grace !== undefined && !Number.isInteger(grace))
    throw badRequest(
      `json: cannot unmarshal number ${String(grace)} into Go struct field DeleteOptions.gracePeriodSeconds of type int64`,
    );
  const preconditions = optional(options, "preconditions", "object");
  const dryRun = options.dryRun ?? [];
  if (!Array.isArray(dryRun) || !dryRun.every((value) => typeof value === "string"))
    throw badRequest("json: cannot unmarshal into Go struct field DeleteOptions.dryRun of type []string");
  const orphan = optional(options, "orphanDependents", "boolean");
  const propagation = optional(options, "propagationPolicy", "string");
  // `optional` has checked the types that the assertions name.
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace as number }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan as boolean }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation as string }),
    ...(preconditions === undefined
      ? {}
      : { preconditions: preconditions as NonNullable<RawDeleteOptions["preconditions"]> }),
    dryRun,
  };
}

function optional(options: Readonly<Record<string, unknown>>, name: string, type: string): unknown {
  const value = options[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type)
    throw badRequest(
      `json: cannot unmarshal ${typeof value} into Go struct field DeleteOptions.${name} of type ${type}`,
    );
  return value;
}

function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${field.quote(text)}: invalid syntax`);
  return Number(text);
}
