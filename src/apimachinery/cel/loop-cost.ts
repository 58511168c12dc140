import { listCost } from "./cost-sizes.ts";
import { sizeOf } from "./runtime-cost.ts";
import { type CelNode, calleeOf, isConstant, loopOf, resolved } from "./syntax.ts";

/** Counts the turns of a loop, for what cel-go's expansion of its macro evaluates beside the bodies. */
export class LoopMeter {
  readonly name: string;
  readonly range: CelNode;
  readonly bodies: readonly CelNode[];
  #turns = 0;
  #kept = 0;
  #truths = 0;

  private constructor(name: string, range: CelNode, bodies: readonly CelNode[]) {
    this.name = name;
    this.range = range;
    this.bodies = bodies.map(resolved);
  }

  /** Undefined: the node is no loop. */
  static of(node: CelNode): LoopMeter | undefined {
    const loop = loopOf(node);
    if (loop !== undefined) return new LoopMeter(loop.name, loop.range, loop.bodies);
    if (node.op !== "rcall" || node.meta.macro === undefined) return undefined;
    const { name, target, args } = calleeOf(node);
    const [, key] = args;
    return name === "sortBy" && target !== undefined && key !== undefined
      ? new LoopMeter(name, target, [key])
      : undefined;
  }

  /** What the last turn made. */
  get key(): CelNode | undefined {
    return this.bodies.at(-1);
  }

  begin(): void {
    this.#turns = 0;
    this.#kept = 0;
    this.#truths = 0;
  }

  /** One of its bodies was evaluated. */
  turn(body: CelNode, result: unknown): void {
    if (body === this.bodies[0]) this.#turns++;
    if (body === this.bodies.at(-1)) this.#kept++;
    if (result === true) this.#truths++;
  }

  /** `last`: what the last turn made. */
  cost(range: unknown, last: unknown): number {
    const isStopped = this.#turns < sizeOf(range);
    const appended = this.key !== undefined && isConstant(this.key) ? 2 : 2 + listCost;
    switch (this.name) {
      case "all":
        return 3 * this.#turns + (isStopped ? 2 : 0) + 1;
      case "exists":
        return 4 * this.#turns + (isStopped ? 3 : 0) + 1;
      case "exists_one":
        return this.bodies[0]?.op === "?:" ? 2 : 2 * this.#truths + 2;
      case "existsOne":
        return 2 * this.#truths + 2;
      case "transformList":
        return appended * this.#kept + 1;
      case "transformMap":
        return 3 * this.#kept + 1;
      case "transformMapEntry":
        return 2 * this.#kept + 1;
      case "sortBy": {
        const factor = typeof last === "string" || last instanceof Uint8Array ? 2.1 : 2;
        return 3 + appended * this.#turns + Math.floor(this.#turns ** 2 * factor) + 1 + listCost;
      }
      default:
        return 1;
    }
  }
}
