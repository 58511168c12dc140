import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
} from "../../api/authorization/types.generated.ts";
import type { FieldError } from "../../apimachinery/api-error.ts";
import { parseFieldSelector } from "../../apimachinery/field-selector.ts";
import { parseLabelSelector, SelectorSyntaxError } from "../../apimachinery/label-selector.ts";
import { qualifiedName } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";

/** The selectors of access reviews (KEP-4601): what is wrong with them, and what of them can be asked. Pure. */

type Selector = FieldSelectorAttributes | LabelSelectorAttributes;

export function selectorErrors(
  selector: Selector | undefined,
  path: string,
  kind: "field" | "label",
): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = "", requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector !== "" && requirements.length > 0)
    errors.push(
      field.invalid(`${path}.rawSelector`, rawSelector, "may not specified at the same time as requirements"),
    );
  if (rawSelector === "" && requirements.length === 0)
    errors.push(
      field.required(
        `${path}.requirements`,
        `when ${path} is specified, requirements or rawSelector is required`,
      ),
    );
  for (const [index, { key, operator, values = [] }] of requirements.entries()) {
    const at = field.at(`${path}.requirements`, index);
    if (kind === "field" && key === "") errors.push(field.required(`${at}.key`, "must be specified"));
    if ((operator === "In" || operator === "NotIn") && values.length === 0)
      errors.push(field.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0)
      errors.push(
        field.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    if (kind === "label") errors.push(...field.invalidEach(`${at}.key`, key, qualifiedName(key)));
  }
  return errors;
}

/** A selector as authorizers take it. What cannot be said so is left out: the question is then about more. */
export interface AskedSelector {
  readonly text: string | undefined;
  /** Whether something was left out. */
  readonly incomplete: boolean;
}

const noSelector: AskedSelector = { text: undefined, incomplete: false };

export function askedFieldSelector(selector: FieldSelectorAttributes | undefined): AskedSelector {
  if (selector === undefined) return noSelector;
  const { rawSelector, requirements = [] } = selector;
  if (rawSelector !== undefined && rawSelector !== "") return parsed(rawSelector, parseFieldSelector);
  return asked(requirements, ({ key, operator, values = [] }) => {
    const [value] = values;
    if (values.length !== 1 || value === undefined) return undefined;
    const escaped = value.replace(/[\\,=]/g, "\\$&");
    if (operator === "In") return `${key}=${escaped}`;
    return operator === "NotIn" ? `${key}!=${escaped}` : undefined;
  });
}

export function askedLabelSelector(selector: LabelSelectorAttributes | undefined): AskedSelector {
  if (selector === undefined) return noSelector;
  const { rawSelector, requirements = [] } = selector;
  if (rawSelector !== undefined && rawSelector !== "") return parsed(rawSelector, parseLabelSelector);
  return asked(requirements, ({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    if (operator === "In") return readable(`${key} in (${values.join(",")})`);
    return operator === "NotIn" ? readable(`${key} notin (${values.join(",")})`) : undefined;
  });
}

function asked<T>(requirements: readonly T[], textOf: (requirement: T) => string | undefined): AskedSelector {
  const terms = requirements.map(textOf);
  const known = terms.filter((term) => term !== undefined);
  return {
    text: known.length === 0 ? undefined : known.join(","),
    incomplete: known.length < terms.length,
  };
}

function parsed(text: string, parse: (text: string) => unknown): AskedSelector {
  try {
    parse(text);
    return { text, incomplete: false };
  } catch (error) {
    if (!(error instanceof SelectorSyntaxError)) throw error;
    return { text: undefined, incomplete: true };
  }
}

function readable(term: string): string | undefined {
  return parsed(term, parseLabelSelector).text;
}

/** What is to be said of selectors that were not asked as they stand. */
export function selectorFaults(
  selectors: Readonly<Record<"fieldSelector" | "labelSelector", AskedSelector>>,
): string[] {
  return Object.entries(selectors).flatMap(([name, { text, incomplete }]) => {
    if (!incomplete) return [];
    const how = text === undefined ? "ignored" : "partially ignored";
    return [`spec.resourceAttributes.${name} ${how} due to parse error`];
  });
}
