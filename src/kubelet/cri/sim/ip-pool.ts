/** Hands out IPv4 addresses of a pod CIDR, one after the other, so that a freed one is not used again at once; .0 and .1 are the network's and the gateway's. */
export class IpPool {
  #first = 0;
  #size = 0;
  readonly #taken = new Set<number>();
  #next = 2;

  constructor(cidr: string) {
    this.setCidr(cidr);
  }

  /** Addresses already handed out stay with their pods. */
  setCidr(cidr: string): void {
    const ipv4 = cidr.split(",").find((part) => part.includes("."));
    const [address = "10.244.0.0", bits = "24"] = (ipv4 ?? "").trim().split("/");
    this.#first = toNumber(address);
    this.#size = 2 ** (32 - Number(bits));
    this.#taken.clear();
    this.#next = 2;
  }

  /** Undefined when every address is taken. */
  take(): string | undefined {
    for (let tries = 0; tries < this.#size; tries++) {
      const offset = this.#next;
      this.#next = offset + 1 >= this.#size - 1 ? 2 : offset + 1;
      if (offset >= 2 && offset < this.#size - 1 && !this.#taken.has(this.#first + offset)) {
        this.#taken.add(this.#first + offset);
        return toText(this.#first + offset);
      }
    }
    return undefined;
  }

  release(ip: string): void {
    this.#taken.delete(toNumber(ip));
  }
}

function toNumber(address: string): number {
  return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
