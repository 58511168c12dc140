import type { FieldError } from "../../apimachinery/api-error.ts";
import * as field from "../../apimachinery/validation.ts";
import type { IssuerConfiguration } from "./authentication-configuration.ts";

export interface ValidationContext {
  /** Issuers that are this server's own. */
  readonly disallowedIssuers: readonly string[];
  /** Whether a text holds certificates: `pki/` knows. */
  readonly isCertificateBundle: (pem: string) => boolean;
}

/** What is wrong with where an issuer is, and for whom its tokens are. */
export function issuerErrors(
  issuer: IssuerConfiguration,
  path: string,
  { disallowedIssuers, isCertificateBundle }: ValidationContext,
): FieldError[] {
  const { url = "", discoveryURL = "", certificateAuthority = "", egressSelectorType = "" } = issuer;
  const errors: FieldError[] =
    url === "" ? [field.required(`${path}.url`)] : urlErrors(url, `${path}.url`, disallowedIssuers);
  if (discoveryURL !== "") {
    const at = `${path}.discoveryURL`;
    if (url !== "" && withoutSlashes(url) === withoutSlashes(discoveryURL))
      errors.push(field.invalid(at, discoveryURL, "discoveryURL must be different from URL"));
    errors.push(...urlErrors(discoveryURL, at, []));
  }
  errors.push(...audienceErrors(issuer, path));
  if (certificateAuthority !== "" && !isCertificateBundle(certificateAuthority))
    errors.push(
      field.invalid(
        `${path}.certificateAuthority`,
        "<omitted>",
        "data does not contain any valid RSA or ECDSA certificates",
      ),
    );
  if (egressSelectorType !== "") errors.push(egressError(egressSelectorType, `${path}.egressSelectorType`));
  return errors;
}

const withoutSlashes = (url: string) => url.replace(/\/+$/, "");

function urlErrors(text: string, path: string, disallowed: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const problem = (detail: string) => errors.push(field.invalid(path, text, detail));
  if (disallowed.includes(text))
    problem(`URL must not overlap with disallowed issuers: [${disallowed.toSorted().join(" ")}]`);
  // "localhost" has no scheme: Go parses it, and then misses https.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "https:") problem("URL scheme must be https");
  if (url === undefined) return errors;
  if (url.username !== "" || url.password !== "") problem("URL must not contain a username or password");
  if (url.search !== "") problem("URL must not contain a query");
  if (url.hash !== "") problem("URL must not contain a fragment");
  return errors;
}

function audienceErrors(
  { audiences = [], audienceMatchPolicy = "" }: IssuerConfiguration,
  path: string,
): FieldError[] {
  const at = `${path}.audiences`;
  const policyPath = `${path}.audienceMatchPolicy`;
  if (audiences.length === 0) return [field.required(at, `at least one ${at} is required`)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, audience] of audiences.entries()) {
    if (audience === "") errors.push(field.required(field.at(at, index)));
    if (seen.has(audience)) errors.push(field.duplicate(field.at(at, index), audience));
    seen.add(audience);
  }
  if (audiences.length > 1 && audienceMatchPolicy !== "MatchAny")
    errors.push(
      field.invalid(
        policyPath,
        audienceMatchPolicy,
        "audienceMatchPolicy must be MatchAny for multiple audiences",
      ),
    );
  if (audiences.length === 1 && audienceMatchPolicy !== "" && audienceMatchPolicy !== "MatchAny")
    errors.push(
      field.invalid(
        policyPath,
        audienceMatchPolicy,
        "audienceMatchPolicy must be empty or MatchAny for single audience",
      ),
    );
  return errors;
}

/** There is no egress selector here: what would need one is refused rather than reached another way. */
function egressError(type: string, path: string): FieldError {
  return type === "controlplane" || type === "cluster"
    ? field.invalid(path, type, `egress lookup required with egress selector type "${type}"`)
    : field.invalid(path, type, "egress selector must be either controlplane or cluster");
}
