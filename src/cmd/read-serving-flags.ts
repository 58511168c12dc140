import { goRegExp } from "../apimachinery/structural-schema/go-regexp.ts";
import type { BrowserPolicy } from "../apiserver/browser-policy.ts";
import { type TlsPolicy, tlsPolicy } from "../apiserver/http/tls-policy.ts";
import type { ServingOptions } from "./compose/operation-options.ts";
import { aggregate, booleanValue, integerValue, listValue } from "./flag-values.ts";
import { UserError } from "./user-error.ts";

/** How the API server meets those who connect to it: kube-apiserver's own flags. */
export interface ServingFlags {
  readonly corsAllowedOrigins?: string;
  readonly strictTransportSecurityDirectives?: string;
  readonly tlsMinVersion?: string;
  readonly tlsCipherSuites?: string;
  readonly tlsCurvePreferences?: string;
  readonly disableHttp2Serving?: string;
  readonly http2MaxStreamsPerConnection?: string;
  readonly permitPortSharing?: string;
  readonly permitAddressSharing?: string;
}

/** Throws UserError with kube-apiserver's words. */
export function readServingFlags(flags: ServingFlags): ServingOptions {
  const http1Only = booleanValue("disable-http2-serving", flags.disableHttp2Serving, false);
  // Listening always shares its address: Node asks for that, as Go does.
  booleanValue("permit-address-sharing", flags.permitAddressSharing, false);
  const maxStreams = maxStreamsOf(flags.http2MaxStreamsPerConnection);
  const browsers = readBrowsers(flags);
  const tls = readTls(flags, { http2: !http1Only });
  return {
    http1Only,
    sharesPort: booleanValue("permit-port-sharing", flags.permitPortSharing, false),
    ...(maxStreams !== undefined && { maxStreams }),
    ...(browsers !== undefined && { browsers }),
    ...(tls !== undefined && { tls }),
  };
}

const mostStreams = 2 ** 32 - 1;

/** Less than one is as if nothing were said. */
function maxStreamsOf(text: string | undefined): number | undefined {
  const name = "http2-max-streams-per-connection";
  const value = text === undefined ? 0 : integerValue(name, text);
  if (value > mostStreams) throw new UserError(`--${name}: it must not be more than ${mostStreams}`);
  return value > 0 ? value : undefined;
}

function readBrowsers(flags: ServingFlags): BrowserPolicy | undefined {
  const origins = listValue("cors-allowed-origins", flags.corsAllowedOrigins);
  const directives = listValue(
    "strict-transport-security-directives",
    flags.strictTransportSecurityDirectives,
  );
  if (origins.length === 0 && directives.length === 0) return undefined;
  for (const problem of [
    aggregate(directives.flatMap(directiveError)),
    aggregate(origins.flatMap(originError)),
  ])
    if (problem !== undefined) throw new UserError(problem);
  return { allowedOrigins: origins.map(goRegExp), transportSecurity: directives };
}

function directiveError(directive: string): string[] {
  if (directive.trim() === "") return ["empty value in strict-transport-security-directives"];
  if (/^(?:includeSubDomains|preload|max-age=[^=]*)$/.test(directive)) return [];
  return [
    "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information",
  ];
}

const originHelp =
  "each is a regular expression that says where the host begins, with '^' or '//', and where it ends, with '$' or ':', such as '//example\\.com(:|$)'";

function originError(pattern: string): string[] {
  if (pattern === "") return [`empty value in --cors-allowed-origins, help: ${originHelp}`];
  const why = patternError(pattern);
  return why === undefined
    ? []
    : [`--cors-allowed-origins has an invalid regular expression: ${why}, help: ${originHelp}`];
}

function patternError(pattern: string): string | undefined {
  try {
    goRegExp(pattern);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  // One that matched a part of a name would let others' hosts in (CVE-2022-1996).
  return /\^|\/\//.test(pattern) && /[$:]/.test(pattern)
    ? undefined
    : "regular expression does not pin to start/end of host in the origin header";
}

function readTls(flags: ServingFlags, protocols: { readonly http2: boolean }): TlsPolicy | undefined {
  const { tlsMinVersion = "", tlsCipherSuites, tlsCurvePreferences } = flags;
  const cipherSuites = listValue("tls-cipher-suites", tlsCipherSuites);
  const curves = curveNumbers(tlsCurvePreferences);
  if (tlsMinVersion === "" && cipherSuites.length === 0 && curves.length === 0) return undefined;
  try {
    return tlsPolicy({ minVersion: tlsMinVersion || "VersionTLS12", cipherSuites, curves }, protocols);
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error));
  }
}

function curveNumbers(text = ""): readonly number[] {
  if (text === "") return [];
  return text.split(",").map((id) => integerValue("tls-curve-preferences", id, text));
}
