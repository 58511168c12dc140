import { badRequest } from "../../apimachinery/api-error.ts";
import type { GroupVersionKind } from "../../apimachinery/meta.ts";
import type { ProtobufCodec } from "../../apimachinery/protobuf/codec.ts";
import type { Decoded, FieldValidation, ObjectShape } from "../../apimachinery/schema/decode.ts";
import { decodeJson, decodeValue, decodeYaml, unrecognized } from "../../apimachinery/schema/decode.ts";
import type { Model } from "../../apimachinery/schema/tables.ts";
import type { YamlParser } from "../../apimachinery/schema/yaml-text.ts";
import type { ApiRequest } from "../../client/exchange.ts";
import { negotiateInput } from "./negotiate.ts";

/** Where the shapes of kinds are looked up. Undefined: a kind whose objects are taken as they come. */
export type ModelLookup = (kind: GroupVersionKind) => Model | undefined;

export interface InputContext {
  readonly modelOf: ModelLookup;
  readonly protobuf?: ProtobufCodec;
  /** How YAML is read; absent: on this thread. */
  readonly parseYaml?: YamlParser;
}

export interface ExpectedInput {
  readonly kind: GroupVersionKind;
  /** Of a custom kind. */
  readonly shape?: ObjectShape | undefined;
  readonly fieldValidation: FieldValidation;
  /** Its faults are told without naming its kind. */
  readonly bare?: boolean;
}

/** The request's body as an object of the expected kind; undefined when there is none. Throws 400 and 415. */
export async function readObject(
  request: ApiRequest,
  context: InputContext,
  expected: ExpectedInput,
): Promise<Decoded | undefined> {
  const { body } = request;
  if (body === undefined) return undefined;
  const options = {
    expected: expected.kind,
    model: context.modelOf(expected.kind),
    shape: expected.shape,
    fieldValidation: expected.fieldValidation,
    knows: knownKinds(context),
    bare: expected.bare,
  };
  if ("object" in body) return decodeValue(body.object, options);
  // Nothing at all is nothing in JSON, and an empty document in YAML.
  const isEmpty = body.bytes.length === 0;
  if (isEmpty && expected.bare === true) return undefined;
  const { protobuf } = context;
  const form = isEmpty ? emptyForm(request) : negotiateInput(request.headers["content-type"]);
  switch (form) {
    case undefined:
      return undefined;
    case "json":
      return decodeJson(body.bytes, options);
    case "yaml":
      return decodeYaml(body.bytes, options, context.parseYaml);
    case "protobuf":
      return decodeValue(readProtobuf(protobuf, body.bytes, expected), options);
  }
}

/** Whether a kind has its place here, if not where it was sent. A List of anything is one of the core group. */
export function knownKinds({ modelOf }: InputContext): (kind: GroupVersionKind) => boolean {
  return (kind) =>
    (kind.kind === "List" && kind.group === "" && kind.version === "v1") ||
    (kind.group !== "meta.k8s.io" && modelOf(kind) !== undefined);
}

function emptyForm({ headers }: ApiRequest): "yaml" | undefined {
  return headers["content-type"]?.startsWith("application/yaml") === true ? "yaml" : undefined;
}

function readProtobuf(
  protobuf: ProtobufCodec | undefined,
  bytes: Uint8Array,
  expected: ExpectedInput,
): unknown {
  const {
    kind: { kind, version },
    shape,
    bare,
  } = expected;
  if (shape !== undefined)
    throw badRequest(
      `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: object *unstructured.Unstructured does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`,
    );
  try {
    return protobuf?.decode(bytes);
  } catch (error) {
    throw unrecognized({ expected: expected.kind, bare }, messageOf(error), bytes);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
