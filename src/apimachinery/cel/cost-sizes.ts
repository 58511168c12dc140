/** Sizes and costs as cel-go reckons with them: unsigned numbers of 64 bits that stop at the largest instead of going round. */

/** How long a value may be: characters, items or entries. */
export interface Size {
  readonly min: number;
  readonly max: number;
}

const largest = 2 ** 64 - 1;
export const unknownSize: Size = { min: 0, max: largest };

/** Of looking at one character of a string. */
const traversalFactor = 0.1;
/** Of one character of a regular expression, times what a traversal of the text costs. */
export const regexFactor = 0.25;
export const listCost = 10;
export const mapCost = 30;
/** What a check by the authorizer costs: two fit into an expression. */
export const authorizationCost = 350_000;
/** The longest regular expression of a named format, and the longest name of one. */
export const formatRegexLength = 128;

export const fixed = (size: number): Size => ({ min: size, max: size });
export const add = (...costs: readonly number[]): number =>
  Math.min(
    largest,
    costs.reduce((sum, cost) => sum + cost, 0),
  );
export const multiply = (left: number, right: number): number => Math.min(largest, left * right);
/** The cost of `size` units, rounded up. */
export const scale = (size: number, factor: number): number => Math.min(largest, Math.ceil(size * factor));
export const traversal = (length: number): number => scale(length, traversalFactor);
export const addSizes = (left: Size, right: Size): Size => ({
  min: add(left.min, right.min),
  max: add(left.max, right.max),
});
export const multiplySizes = (left: Size, right: Size): Size => ({
  min: multiply(left.min, right.min),
  max: multiply(left.max, right.max),
});
export const union = (left: Size, right: Size): Size => ({
  min: Math.min(left.min, right.min),
  max: Math.max(left.max, right.max),
});

/** Of finding a regular expression in a text. */
export const regexCost = (text: number, pattern: number): number =>
  multiply(traversal(add(text, 1)), scale(pattern, regexFactor));

/** Of reading a selector: a list of requirements, the shortest of which takes two characters. */
export const selectorCost = (length: number): number =>
  add(listCost, traversal(length), multiply(scale(length, 0.5), listCost + 40));
