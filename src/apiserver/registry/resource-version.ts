import { badRequest, failure } from "../../apimachinery/api-error.ts";
import { quote } from "../../apimachinery/validation.ts";

const largest = 2n ** 64n - 1n;

/** Throws 500 in the words of Go's parser: upstream's storage finds the fault, and nothing there makes it the client's. */
export function revisionOfObject(resourceVersion: string): number {
  return revisionOf(resourceVersion, (fault) => failure(500, "", fault));
}

/** Whether a new object claims to be a version of one that is stored: what is no number, or 0, claims nothing. */
export function namesRevision(resourceVersion = ""): boolean {
  return /^\d+$/.test(resourceVersion) && !/^0+$/.test(resourceVersion) && BigInt(resourceVersion) <= largest;
}

/** As a GET or a watch asks for it. Throws 500, too. */
export function revisionToRead(resourceVersion: string): number {
  return revisionOf(resourceVersion, (fault) => failure(500, "", ofParameter(resourceVersion, fault)));
}

/** As a list asks for it, whose parameters alone are checked before. Throws 400. */
export function revisionToList(resourceVersion: string): number {
  return revisionOf(resourceVersion, (fault) =>
    badRequest(`invalid resource version: ${ofParameter(resourceVersion, fault)}`),
  );
}

function revisionOf(resourceVersion: string, refusal: (fault: string) => Error): number {
  if (/^\d{1,15}$/.test(resourceVersion)) return Number(resourceVersion);
  const isNumber = /^\d+$/.test(resourceVersion);
  if (isNumber && BigInt(resourceVersion) <= largest) return Number(resourceVersion);
  const fault = isNumber ? "value out of range" : "invalid syntax";
  throw refusal(`strconv.ParseUint: parsing ${quote(resourceVersion)}: ${fault}`);
}

function ofParameter(resourceVersion: string, fault: string): string {
  return `resourceVersion: Invalid value: ${quote(resourceVersion)}: ${fault}`;
}
