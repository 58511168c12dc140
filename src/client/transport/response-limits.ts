/** How much of an answer is kept in memory at once. */
export interface ResponseLimits {
  /** The largest answer that is read whole, unpacked. */
  readonly maxObjectBytes: number;
  /** The longest event of a watch. */
  readonly maxFrameBytes: number;
}
