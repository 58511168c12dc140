import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import { inGoForm } from "../go-form.ts";
import { mandatoryLevels } from "./bootstrap.ts";
import { validateConditions } from "./condition-validation.ts";
import type {
  ExemptPriorityLevelConfiguration,
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfiguration,
  QueuingConfiguration,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

export function validatePriorityLevel({ metadata, spec, status }: PriorityLevelConfiguration): Errors {
  const { type, limited, exempt } = spec ?? {};
  const name = metadata.name ?? "";
  const errors: FieldError[] = [];
  if ((name === "exempt") !== (type === "Exempt"))
    errors.push(field.invalid("spec.type", type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === "Exempt") {
    if (limited !== undefined)
      errors.push(field.forbidden("spec.limited", "must be nil if the type is not Limited"));
    errors.push(...validateExempt("spec.exempt", exempt));
  } else if (type === "Limited") {
    if (exempt !== undefined)
      errors.push(field.forbidden("spec.exempt", "must be nil if the type is Limited"));
    errors.push(
      ...(limited === undefined
        ? [field.required("spec.limited", "must not be empty when type is Limited")]
        : validateLimited("spec.limited", limited)),
    );
  } else errors.push(field.notSupported("spec.type", type ?? "", ["Exempt", "Limited"]));
  return [...errors, ...fixedSpecErrors(name, spec), ...validateConditions(status?.conditions)];
}

/** The mandatory levels are what they are; of `exempt`, how many seats it has and lends is for the cluster to say. */
function fixedSpecErrors(name: string, spec: PriorityLevelConfiguration["spec"]): Errors {
  const fixed = mandatoryLevels.find((level) => level.metadata.name === name)?.spec;
  if (fixed === undefined) return [];
  const { exempt } = fixed;
  if (exempt === undefined)
    return field.semanticEqual(spec, fixed)
      ? []
      : [
          field.invalid(
            "spec",
            inGoForm("PriorityLevelConfigurationSpec", spec),
            `spec of '${name}' must equal the fixed value`,
          ),
        ];
  const allowed = {
    ...fixed,
    ...(spec?.exempt === undefined ? {} : { exempt: { ...exempt, ...spec.exempt } }),
  };
  return field.semanticEqual(spec, allowed)
    ? []
    : [
        field.invalid(
          "spec",
          inGoForm("PriorityLevelConfigurationSpec", spec),
          `spec of '${name}' except the 'spec.exempt.nominalConcurrencyShares' and 'spec.exempt.lendablePercent' fields must equal the fixed value`,
        ),
      ];
}

function validateExempt(path: string, exempt: ExemptPriorityLevelConfiguration | undefined): Errors {
  const { nominalConcurrencyShares = 0, lendablePercent = 0 } = exempt ?? {};
  return [
    ...(nominalConcurrencyShares < 0
      ? [
          field.invalid(
            field.child(path, "nominalConcurrencyShares"),
            nominalConcurrencyShares,
            "must be a non-negative integer",
          ),
        ]
      : []),
    ...(lendablePercent < 0 || lendablePercent > 100
      ? [
          field.invalid(
            field.child(path, "lendablePercent"),
            lendablePercent,
            "must be between 0 and 100, inclusive",
          ),
        ]
      : []),
  ];
}

const maxQueues = 10_000_000;

function validateLimited(path: string, limited: LimitedPriorityLevelConfiguration): Errors {
  const { nominalConcurrencyShares, lendablePercent = 0, borrowingLimitPercent, limitResponse } = limited;
  const errors: FieldError[] = [];
  if (nominalConcurrencyShares !== undefined && nominalConcurrencyShares < 0)
    errors.push(
      field.invalid(
        field.child(path, "nominalConcurrencyShares"),
        nominalConcurrencyShares,
        "must be a non-negative integer",
      ),
    );
  if (lendablePercent < 0 || lendablePercent > 100)
    errors.push(
      field.invalid(
        field.child(path, "lendablePercent"),
        lendablePercent,
        "must be between 0 and 100, inclusive",
      ),
    );
  if (borrowingLimitPercent !== undefined && borrowingLimitPercent < 0)
    errors.push(
      field.invalid(
        field.child(path, "borrowingLimitPercent"),
        borrowingLimitPercent,
        "if specified, must be a non-negative integer",
      ),
    );
  const at = field.child(path, "limitResponse");
  const { type = "", queuing } = limitResponse ?? {};
  if (type === "Reject") {
    if (queuing !== undefined)
      errors.push(
        field.forbidden(
          field.child(at, "queuing"),
          "must be nil if limited.limitResponse.type is not Limited",
        ),
      );
  } else if (type === "Queue") {
    errors.push(...validateQueuing(field.child(at, "queuing"), queuing));
  } else errors.push(field.notSupported(field.child(at, "type"), type, ["Queue", "Reject"]));
  return errors;
}

function validateQueuing(path: string, queuing: QueuingConfiguration | undefined): Errors {
  if (queuing === undefined)
    return [field.required(path, "must not be empty if limited.limitResponse.type is Limited")];
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0)
    errors.push(field.invalid(field.child(path, "queueLengthLimit"), queueLengthLimit, "must be positive"));
  if (queues <= 0) errors.push(field.invalid(field.child(path, "queues"), queues, "must be positive"));
  else if (queues > maxQueues)
    errors.push(field.invalid(field.child(path, "queues"), queues, `must not be greater than ${maxQueues}`));
  const at = field.child(path, "handSize");
  if (handSize <= 0) errors.push(field.invalid(at, handSize, "must be positive"));
  else if (handSize > queues)
    errors.push(field.invalid(at, handSize, `should not be greater than queues (${queues})`));
  else if (handEntropyBits(queues, handSize) > maxHandEntropyBits)
    errors.push(
      field.invalid(
        at,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxHandEntropyBits}`,
      ),
    );
  return errors;
}

/** A hand is dealt from one hash of 64 bits. */
const maxHandEntropyBits = 60;

/** How many bits tell all hands of this size from such a deck apart. */
function handEntropyBits(deckSize: number, handSize: number): number {
  let hands = 1;
  for (let dealt = 0; dealt < handSize; dealt++) hands *= deckSize - dealt;
  return Math.ceil(Math.log2(hands));
}
