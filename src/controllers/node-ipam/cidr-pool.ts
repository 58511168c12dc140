import { blockAt, blockCount, blocksTouchedBy, type Cidr, formatCidr, parseCidr } from "./cidr.ts";

/** Hands out the blocks of one cluster CIDR, each to one node, lowest numbers first after the last that was given. */
export class CidrPool {
  readonly #cidr: Cidr;
  readonly #maskSize: number;
  readonly #count: number;
  /** Block numbers to the node that has them. */
  readonly #taken = new Map<number, string>();
  #next = 0;

  /** Throws for a CIDR that cannot be parsed or divided: a mistake in the options. */
  constructor(clusterCidr: string, maskSize: number) {
    const cidr = parseCidr(clusterCidr);
    if (cidr === undefined) throw new Error(`the cluster CIDR ${JSON.stringify(clusterCidr)} is not a CIDR`);
    if (blockCount(cidr, maskSize) < 1 || maskSize > (cidr.family === "IPv4" ? 32 : 128)) {
      throw new Error(`the node mask size /${maskSize} does not fit into the cluster CIDR ${clusterCidr}`);
    }
    this.#cidr = cidr;
    this.#maskSize = maskSize;
    this.#count = blockCount(cidr, maskSize);
  }

  get family(): Cidr["family"] {
    return this.#cidr.family;
  }

  /** A node has this CIDR already, from here or from elsewhere. */
  occupy(node: string, text: string): void {
    const cidr = parseCidr(text);
    const touched = cidr && blocksTouchedBy(this.#cidr, this.#maskSize, cidr);
    if (touched === undefined) return;
    for (let index = touched.first; index <= touched.last; index++) this.#taken.set(index, node);
  }

  /** The node's block: the one it has, else a free one; undefined when none is left. */
  allocate(node: string): string | undefined {
    for (const [index, owner] of this.#taken) if (owner === node) return this.#text(index);
    for (let tried = 0; tried < this.#count; tried++) {
      const index = (this.#next + tried) % this.#count;
      if (this.#taken.has(index)) continue;
      this.#taken.set(index, node);
      this.#next = (index + 1) % this.#count;
      return this.#text(index);
    }
    return undefined;
  }

  release(node: string): void {
    for (const [index, owner] of this.#taken) if (owner === node) this.#taken.delete(index);
  }

  #text(index: number): string {
    return formatCidr(blockAt(this.#cidr, this.#maskSize, index));
  }
}
