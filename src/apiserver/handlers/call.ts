import type { ResourceDefinition } from "../../api/definition.ts";
import type { AnyObject, GroupVersionKind, GroupVersionResource } from "../../apimachinery/meta.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { ApiRequest, ApiResponse, ResponseHeaders, UserInfo } from "../../client/exchange.ts";
import type { AdmissionChain } from "../admission-chain.ts";
import type { FieldManagement } from "../apply/field-management.ts";
import type { AuditTrail } from "../audit/trail.ts";
import type { InputContext } from "../content/input.ts";
import type { OutputFormat } from "../content/negotiate.ts";
import { mediaTypes } from "../content/negotiate.ts";
import { includeObjectOf, isStoredForm, showObject, type ViewOptions } from "../content/views.ts";
import type { HealthCheck } from "../health.ts";
import type { ResourceStore } from "../registry/store.ts";
import type { RequestInfo } from "../request-info.ts";
import type { AdmissionAttributes, AdmissionOperation, Authorizer } from "../stages.ts";

/** What every handler works with. */
export interface HandlerContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly input: InputContext;
  readonly fieldManagement: FieldManagement;
  readonly admission: AdmissionChain;
  readonly authorizer: Authorizer;
  /** A watch without timeoutSeconds ends after one to two times this, so that not all come back at once. */
  readonly minWatchSeconds: number;
  /** The parts of the control plane, by the names under which upstream shows them. */
  readonly components: readonly HealthCheck[];
  /** The store of another resource; undefined where it is not served. */
  readonly storeOf: (resource: {
    readonly group: string;
    readonly plural: string;
  }) => ResourceStore | undefined;
}

/** One request for a resource, past authorization and routing. */
export interface ResourceCall {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly definition: ResourceDefinition;
  /** The served version that was asked for. */
  readonly version: string;
  readonly store: ResourceStore;
  readonly output: OutputFormat;
  /** Adds a Warning header to the answer. */
  readonly warn: (text: string) => void;
  /** The request's record; undefined: none is kept. */
  readonly audit?: AuditTrail | undefined;
}

export function placeOf(call: ResourceCall): { readonly namespace: string; readonly name: string } {
  return { namespace: call.definition.namespaced ? call.info.namespace : "", name: call.info.name };
}

export function kindOf({ definition, version }: ResourceCall): GroupVersionKind {
  return { group: definition.group, version, kind: definition.kind };
}

function resourceOf({ definition, version }: ResourceCall): GroupVersionResource {
  return { group: definition.group, version, resource: definition.plural };
}

/** The answer of one object, in the version and view that were asked for. */
export function respondObject(
  context: HandlerContext,
  call: ResourceCall,
  status: number,
  object: AnyObject,
): ApiResponse {
  if (call.output.view === undefined && isStoredForm(call.definition, call.version))
    return respond(call, status, object);
  return respond(call, status, showObject(object, viewOptions(context, call)));
}

/** How the request wants its objects shown. Throws 400. */
export function viewOptions(context: HandlerContext, call: ResourceCall): ViewOptions {
  return {
    definition: call.definition,
    version: call.version,
    format: call.output,
    includeObject: includeObjectOf(call.request.query),
    nowMs: context.clock.now(),
  };
}

export function respond(call: Pick<ResourceCall, "output">, status: number, object: object): ApiResponse {
  return { type: "object", status, headers: contentHeaders(call.output), object };
}

const headersOf: Readonly<Record<OutputFormat["encoding"], ResponseHeaders>> = {
  json: { "content-type": mediaTypes.json },
  yaml: { "content-type": mediaTypes.yaml },
  protobuf: { "content-type": mediaTypes.protobuf },
};

export function contentHeaders(output: OutputFormat): ResponseHeaders {
  return headersOf[output.encoding];
}

export interface AdmissionSubject {
  readonly operation: AdmissionOperation;
  readonly name: string;
  readonly object?: AnyObject;
  readonly oldObject?: AnyObject;
  readonly dryRun: boolean;
  readonly options?: Readonly<Record<string, unknown>>;
}

export function admissionAttributes(call: ResourceCall, subject: AdmissionSubject): AdmissionAttributes {
  const { operation, name, object, oldObject, dryRun, options = {} } = subject;
  const isNamespace = call.definition.group === "" && call.definition.plural === "namespaces";
  return {
    operation,
    verb: call.info.verb,
    resource: resourceOf(call),
    kind: kindOf(call),
    subresource: call.info.subresource,
    namespace: isNamespace ? name : placeOf(call).namespace,
    name,
    user: call.user,
    ...(object === undefined ? {} : { object }),
    ...(oldObject === undefined ? {} : { oldObject }),
    dryRun,
    options,
    signal: call.request.signal,
    warn: call.warn,
    ...(call.audit === undefined ? {} : { annotate: call.audit.annotate }),
  };
}
