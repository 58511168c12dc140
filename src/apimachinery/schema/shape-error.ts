/** Input that does not fit the schema; the message is of the form Go's JSON decoder gives. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}
