/** The rules in CEL that choose devices. This module brings the language along: load it when it is needed. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  CelCompileError,
  type CelEnvironment,
  createCelEnvironment,
} from "../../apimachinery/cel/environment.ts";
import { estimateCost } from "../../apimachinery/cel/estimate.ts";
import type { CelType, SizeBounds } from "../../apimachinery/cel/types.ts";
import { byteLength } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { PlacedSelector } from "./selectors-of.ts";

const maxExpressionBytes = 10 * 1024;
const costLimit = 1_000_000;

class DraDevice {}

const attribute: SizeBounds = { max: 64 };
/** By domain and then by name, which is mostly written as a field. */
const attributes: SizeBounds = { max: 32, inner: { max: 32, inner: attribute, anyField: attribute } };
const capacity: SizeBounds = { max: 32, inner: { max: 32, inner: { max: 0 } } };

const deviceType: CelType = {
  name: "kubernetes.DRADevice",
  fromJson: () => new DraDevice(),
  minBytes: 0,
  objects: [
    {
      name: "kubernetes.DRADevice",
      create: DraDevice,
      fields: {
        driver: "string",
        attributes: "map<string, map<string, dyn>>",
        capacity: "map<string, map<string, dyn>>",
        allowMultipleAllocations: "bool",
      },
    },
  ],
  size: {
    max: 0,
    fields: {
      driver: { max: 63 },
      attributes,
      capacity,
      allowMultipleAllocations: { max: 0 },
    },
  },
};

let environment: CelEnvironment | undefined;

/** Whether rules compile, say yes or no, and cost no more than they may at worst. */
export function selectorExpressionErrors(selectors: readonly PlacedSelector[]): readonly FieldError[] {
  environment ??= createCelEnvironment({ device: deviceType }, { binds: true });
  const known = environment;
  return selectors.flatMap(({ path, expression }) => expressionErrors(known, path, expression));
}

function expressionErrors(known: CelEnvironment, path: string, expression: string): readonly FieldError[] {
  // Told by the kind's own validation: it is not looked into.
  if (byteLength(expression) > maxExpressionBytes) return [];
  try {
    const { resultType, syntax } = known.compile(expression);
    if (resultType !== "bool" && resultType !== "dyn") {
      const detail = `must evaluate to bool or the unknown type, not ${resultType}`;
      return [field.invalid(path, expression, detail)];
    }
    return estimateCost(syntax, deviceType.size) > costLimit
      ? [field.forbidden(path, "too complex, exceeds cost limit")]
      : [];
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return [field.invalid(path, expression, `compilation failed: ${error.message}`)];
  }
}
