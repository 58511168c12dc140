/**
 * Freezes an object and everything in it, so that code which changes what it got from a cache throws where it does so
 * (upstream's cache mutation detector finds it later, by comparing copies). Already frozen parts are not entered again.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
