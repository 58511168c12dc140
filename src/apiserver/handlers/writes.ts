import { badRequest, forbidden } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { sharing } from "../../apimachinery/patch/sharing.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { managerNameOf, type TrackedWrite } from "../apply/field-management.ts";
import { withValidManagers } from "../apply/valid-managers.ts";
import { attributesOf, authorizeRequest } from "../authorize.ts";
import { readObject } from "../content/input.ts";
import { inVersion, toStorageVersion } from "../content/views.ts";
import { inNamespace, withMetadata, withoutDuplicateOwners } from "../registry/metadata.ts";
import type { WriteRequestOptions } from "../registry/options.ts";
import { writeOptions } from "../registry/options.ts";
import type { CreateCall, UpdateCall } from "../registry/store-calls.ts";
import type { UpdateRules } from "../registry/update-rules.ts";
import { objectRules } from "../registry/update-rules.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { admissionAttributes, kindOf, placeOf, respondObject } from "./call.ts";

/** POST to a collection. */
export async function handleCreate(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const options = writeOptions("CreateOptions", call.request.query);
  const { namespace } = placeOf(call);
  const input = await decodeObject(context, call, options);
  const placed = uniqueOwners(call, withoutIdentity(inNamespace(input, namespace)), false);
  const tracked = context.fieldManagement.track(placed, undefined, trackedWrite(context, call, options));
  const object = await admitCreate(context, call, tracked, options);
  const created = await call.store.create(object, namespace, createCall(context, call, options));
  return respondObject(context, call, 201, created);
}

/** PUT of an object, or with `rules` of a subresource that has the object's own shape. */
export async function handleUpdate(
  context: HandlerContext,
  call: ResourceCall,
  rules: UpdateRules = objectRules(call.definition),
): Promise<ApiResponse> {
  const options = writeOptions("UpdateOptions", call.request.query);
  const place = placeOf(call);
  const decoded = inNamespace(await decodeObject(context, call, options), place.namespace);
  checkName(decoded, place.name);
  const input = uniqueOwners(call, decoded, false);
  const uid = input.metadata.uid;
  const { object, created } = await call.store.update(place, {
    ...updateCall(context, call, options, rules),
    ...(uid === undefined || uid === "" ? {} : { uid }),
    ...(call.definition.strategy.createOnUpdate === true && call.info.subresource === ""
      ? { createMissing: authorizedCreateCall(context, call, options) }
      : {}),
    change: (existing) => {
      const changed = sharing(input, existing);
      const tracked = context.fieldManagement.track(changed, existing, trackedWrite(context, call, options));
      return admitChange(context, call, tracked, existing, options);
    },
  });
  return respondObject(context, call, created ? 201 : 200, object);
}

/** The object of the request's body, in its storage version with defaults. Throws 400 and 415. */
async function decodeObject(
  context: HandlerContext,
  call: ResourceCall,
  options: WriteRequestOptions,
): Promise<AnyObject> {
  const decoded = await readObject(call.request, context.input, {
    kind: kindOf(call),
    shape: call.definition.custom?.shape,
    fieldValidation: options.fieldValidation,
  });
  if (decoded === undefined)
    throw badRequest(
      `the object provided is unrecognized (must be of type ${call.definition.kind}): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
    );
  for (const warning of decoded.warnings) call.warn(warning);
  const object = toHub(call, decoded.object);
  call.audit?.requestObject(() => fromHub(call, object));
  return object;
}

/** Whose the fields come to be that this request writes. */
export function trackedWrite(
  context: HandlerContext,
  call: ResourceCall,
  { fieldManager }: WriteRequestOptions,
): TrackedWrite {
  return {
    definition: call.definition,
    version: call.version,
    subresource: call.info.subresource,
    manager: managerNameOf(fieldManager, call.request.headers["user-agent"]),
    nowMs: context.clock.now(),
  };
}

/** From the request's version to the storage version, defaults filled in. */
export function toHub(call: ResourceCall, object: AnyObject): AnyObject {
  const { definition } = call;
  const stored = toStorageVersion(definition, object);
  return definition.strategy.defaults?.(stored) ?? stored;
}

/** What a client of this version sees of a stored object. */
export function fromHub(call: ResourceCall, object: AnyObject): AnyObject {
  return inVersion(call.definition, object, call.version);
}

/** Without what the server gives to each object itself: a client cannot bring it, nor own it. */
function withoutIdentity(object: AnyObject): AnyObject {
  return withMetadata(object, {
    uid: undefined,
    creationTimestamp: undefined,
    deletionTimestamp: undefined,
    deletionGracePeriodSeconds: undefined,
  });
}

export async function admitCreate(
  context: HandlerContext,
  call: ResourceCall,
  object: AnyObject,
  options: WriteRequestOptions & {
    /** The body names an object that is there: its uid is a precondition, as in a Binding. */
    readonly keepsIdentity?: boolean;
  },
): Promise<AnyObject> {
  const { keepsIdentity = false, ...requested } = options;
  const name = object.metadata.name ?? "";
  if (call.definition.custom?.isTerminating() === true)
    throw forbidden(
      call.store.resource,
      name,
      "create not allowed while custom resource definition is terminating",
    );
  const attributes = admissionAttributes(call, {
    operation: "CREATE",
    name,
    object: keepsIdentity ? object : withoutIdentity(object),
    dryRun: options.dryRun,
    options: requested,
  });
  const admitted = (await context.admission.admit(attributes)) ?? object;
  return uniqueOwners(call, withValidManagers(admitted, object, call.warn), true);
}

/** Mutating admission of a change; of a creation, where nothing stands there yet. */
export async function admitChange(
  context: HandlerContext,
  call: ResourceCall,
  object: AnyObject,
  existing: AnyObject | undefined,
  options: WriteRequestOptions,
): Promise<AnyObject> {
  if (existing === undefined) return admitCreate(context, call, object, options);
  const attributes = admissionAttributes(call, {
    operation: "UPDATE",
    name: call.info.name,
    object,
    oldObject: existing,
    dryRun: options.dryRun,
    options: { ...options },
  });
  const admitted = (await context.admission.admit(attributes)) ?? object;
  return uniqueOwners(call, withValidManagers(admitted, object, call.warn), true);
}

export function createCall(
  context: HandlerContext,
  call: ResourceCall,
  options: WriteRequestOptions,
): CreateCall {
  const { dryRun } = options;
  return {
    definition: call.definition,
    dryRun,
    warn: call.warn,
    validate: (object) =>
      context.admission.validate(
        admissionAttributes(call, {
          operation: "CREATE",
          name: object.metadata.name ?? "",
          object,
          dryRun,
          options: { ...options },
        }),
      ),
  };
}

/** As `createCall`, for a request that was authorized only to change what exists. */
export function authorizedCreateCall(
  context: HandlerContext,
  call: ResourceCall,
  options: WriteRequestOptions,
): CreateCall {
  const plain = createCall(context, call, options);
  return {
    ...plain,
    validate: async (object) => {
      await authorizeRequest(context.authorizer, { ...attributesOf(call.user, call.info), verb: "create" });
      await plain.validate(object);
    },
  };
}

export function updateCall(
  context: HandlerContext,
  call: ResourceCall,
  options: WriteRequestOptions,
  rules: UpdateRules,
): Omit<UpdateCall, "change"> {
  const { dryRun } = options;
  return {
    dryRun,
    rules,
    warn: call.warn,
    validate: (object, oldObject) =>
      context.admission.validate(
        admissionAttributes(call, {
          operation: "UPDATE",
          name: call.info.name,
          object,
          oldObject,
          dryRun,
          options: { ...options },
        }),
      ),
  };
}

export function checkName(object: AnyObject, name: string): void {
  const own = object.metadata.name ?? "";
  if (own === "")
    throw badRequest(
      `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  if (own !== name)
    throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
}

function uniqueOwners(call: ResourceCall, object: AnyObject, afterAdmission: boolean): AnyObject {
  const unique = withoutDuplicateOwners(object);
  if (unique.duplicates.length === 0) return object;
  const when = afterAdmission ? " after mutating admission happens" : "";
  call.warn(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${unique.duplicates.join(", ")}`,
  );
  return unique.object;
}
