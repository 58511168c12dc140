import { ageColumn, integerColumn, nameColumn } from "../../api/columns.ts";
import type { Column, ScaleDefinition } from "../../api/definition.ts";
import { badRequest, conflict, internalError, invalid, notFound } from "../../apimachinery/api-error.ts";
import { managersOfScale, managersOfScaled } from "../../apimachinery/managed-fields/scale-managers.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import { patchObject, patchTypeOf } from "../../apimachinery/patch/patch-object.ts";
import * as field from "../../apimachinery/validation.ts";
import type { ApiResponse } from "../../client/exchange.ts";
import { isApply, readConfiguration } from "../apply/apply-patch.ts";
import { knownKinds, readObject } from "../content/input.ts";
import { withMetadata } from "../registry/metadata.ts";
import { writeOptions } from "../registry/options.ts";
import { objectRules } from "../registry/update-rules.ts";
import { methodNotAllowed, refusedMethod } from "../router-refusals.ts";
import type { HandlerContext, ResourceCall } from "./call.ts";
import { placeOf, respondObject } from "./call.ts";
import { patchBytes } from "./patches.ts";
import { admitChange, checkName, toHub, trackedWrite, updateCall } from "./writes.ts";

const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" };

interface Scale extends AnyObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas?: number };
}

const replicaColumns: readonly Column<Scale>[] = [
  integerColumn("Desired", "How many replicas are wanted.", ({ spec }) => spec?.replicas ?? 0),
  integerColumn("Available", "How many replicas there are.", ({ status }) => status?.replicas ?? 0),
];
const columns = [{ ...nameColumn, format: "" }, ...replicaColumns, ageColumn];
/** Upstream declares those of custom kinds in another place. */
const customColumns = [nameColumn, ...replicaColumns, { ...ageColumn, type: "date" }];

/** `/scale`: the replicas of an object as a kind of its own (autoscaling/v1 Scale). */
export async function handleScale(context: HandlerContext, call: ResourceCall): Promise<ApiResponse> {
  const scale = call.definition.scale;
  if (scale === undefined) throw methodNotAllowed();
  switch (call.info.verb) {
    case "get": {
      const object = await call.store.get(placeOf(call));
      const fault = scale.fault?.(object);
      if (fault !== undefined) throw internalError(fault);
      return respondScale(context, call, scaleOf(scale, object));
    }
    case "update":
      return writeScale(context, call, scale, await readScale(context, call));
    case "patch":
      return writeScale(
        context,
        call,
        scale,
        isApply(call) ? await applyToScale(context, call) : patchScale(context, call),
      );
    default:
      throw refusedMethod(call);
  }
}

interface ScaleChange {
  readonly change: (current: Scale) => AnyObject;
  /** The object must have this one. */
  readonly uid?: string | undefined;
}

async function readScale(context: HandlerContext, call: ResourceCall): Promise<ScaleChange> {
  const { fieldValidation } = writeOptions("UpdateOptions", call.request.query);
  const decoded = await readObject(call.request, context.input, { kind: scaleKind, fieldValidation });
  for (const warning of decoded?.warnings ?? []) call.warn(warning);
  if (decoded !== undefined) call.audit?.requestObject(() => decoded.object);
  const uid = decoded?.object.metadata.uid;
  return { change: (current) => decoded?.object ?? current, uid: uid === "" ? undefined : uid };
}

function patchScale(context: HandlerContext, call: ResourceCall): ScaleChange {
  const { fieldValidation } = writeOptions("PatchOptions", call.request.query);
  const model = context.input.modelOf(scaleKind);
  const type = patchTypeOf(call.request.headers["content-type"], model !== undefined);
  const bytes = patchBytes(call.request.body);
  call.audit?.requestPatch(bytes);
  return {
    change(current) {
      const { object, warnings } = patchObject(type, bytes, current, {
        expected: scaleKind,
        model,
        fieldValidation,
        knows: knownKinds(context.input),
      });
      for (const warning of warnings) call.warn(warning);
      return object;
    },
  };
}

/** Server-side apply to the Scale: its managers are those that own the object's number of replicas. */
async function applyToScale(context: HandlerContext, call: ResourceCall): Promise<ScaleChange> {
  const options = writeOptions("PatchOptions", call.request.query, true);
  const { configuration, tellDuplicates } = await readConfiguration(context, call, options);
  const tracked = { ...trackedWrite(context, call, options), force: options.force === true };
  return {
    change(current) {
      const applied = context.fieldManagement.applyScale(configuration, current, tracked);
      tellDuplicates();
      return applied;
    },
  };
}

async function writeScale(
  context: HandlerContext,
  call: ResourceCall,
  scale: ScaleDefinition<AnyObject>,
  { change, uid }: ScaleChange,
): Promise<ApiResponse> {
  const isPatch = call.info.verb === "patch";
  const applies = isPatch && isApply(call);
  const options = writeOptions(isPatch ? "PatchOptions" : "UpdateOptions", call.request.query, applies);
  const { name } = placeOf(call);
  const { object } = await call.store.update(placeOf(call), {
    ...updateCall(context, call, options, objectRules(call.definition)),
    ...(uid === undefined ? {} : { uid }),
    // A Scale that names no resourceVersion means whatever stands there, also of kinds that ask for one otherwise.
    unconditional: true,
    change: async (existing) => {
      if (existing === undefined) throw notFound(call.store.resource, name);
      const current = withMetadata(currentOf(scale, existing), {
        managedFields: managersOfScale(existing.metadata.managedFields, scale.replicasPath),
      }) as Scale;
      const changed = change(current);
      // Applying has told whose the number is.
      const owned = applies
        ? changed
        : context.fieldManagement.trackAs(
            scaleKind,
            { next: changed, live: current },
            trackedWrite(context, call, options),
          );
      const wanted = (await admitChange(context, call, owned, current, options)) as Scale; // decoded as one
      checkName(wanted, name);
      const replicas = wantedReplicas(call, wanted);
      checkUid(call, wanted, existing);
      const resourceVersion = wanted.metadata.resourceVersion;
      const scaled = toHub(
        call,
        withMetadata(scale.withReplicas(existing, replicas), {
          resourceVersion:
            isPatch && resourceVersion === current.metadata.resourceVersion ? undefined : resourceVersion,
        }),
      );
      const managedFields = managersOfScaled(
        existing.metadata.managedFields,
        wanted.metadata.managedFields ?? [],
        existing.apiVersion,
        scale.replicasPath,
      );
      return withMetadata(scaled, { managedFields });
    },
  });
  return respondScale(context, call, scaleOf(scale, object));
}

/** Whoever names a uid means one object, not whatever bears its name. */
function checkUid({ store }: ResourceCall, wanted: Scale, { metadata }: AnyObject): void {
  const uid = wanted.metadata.uid ?? "";
  if (uid === "" || uid === metadata.uid) return;
  const scales = { ...store.resource, resource: `${store.resource.resource}/scale` };
  throw conflict(
    scales,
    metadata.name ?? "",
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ""}`,
  );
}

function respondScale(context: HandlerContext, call: ResourceCall, scale: Scale): ApiResponse {
  const isCustom = call.definition.custom !== undefined;
  const definition = { ...call.definition, ...scaleKind, columns: isCustom ? customColumns : columns };
  return respondObject(context, { ...call, definition, version: scaleKind.version }, 200, scale);
}

/** Upstream writes no zero. */
const withoutZero = (replicas: number) => (replicas === 0 ? {} : { replicas });

/** Stands for the number that an object does not have, while its Scale is changed. */
const unset = -(2 ** 31);

/** The Scale that a change begins with. */
function currentOf(scale: ScaleDefinition<AnyObject>, object: AnyObject): Scale {
  const current = scaleOf(scale, object);
  return scale.fault?.(object) === undefined ? current : { ...current, spec: { replicas: unset } };
}

/** The number that is wanted; what is wrong with it the rules of a custom kind tell. */
function wantedReplicas({ definition, info }: ResourceCall, wanted: Scale): number {
  const replicas = wanted.spec?.replicas ?? 0;
  if (replicas === unset && definition.scale?.fault !== undefined)
    throw badRequest(
      `the spec replicas field ${JSON.stringify(`.${(definition.scale.replicasPath ?? []).join(".")}`)} cannot be empty`,
    );
  if (replicas < 0 && definition.custom === undefined)
    throw invalid(scaleKind, info.name, [
      field.invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
    ]);
  return replicas;
}

function scaleOf(scale: ScaleDefinition<AnyObject>, object: AnyObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = scale.selector(object);
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)),
    spec: withoutZero(scale.replicas(object)),
    status: { replicas: scale.statusReplicas(object), ...(selector === "" ? {} : { selector }) },
  };
}
