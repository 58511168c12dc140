/** Webhooks of admission: which requests they are asked about, and how. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { dns1035Label, dns1123Subdomain, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateMatchConditions, validateRule } from "./rule-validation.ts";
import type { MutatingWebhook, ValidatingWebhook, WebhookClientConfig } from "./types.generated.ts";

type Errors = readonly FieldError[];
type Webhook = ValidatingWebhook | MutatingWebhook;

export function validateWebhooks({ webhooks }: { readonly webhooks?: readonly Webhook[] }): Errors {
  return [
    ...field.each<Webhook>("webhooks", webhooks, (webhook, at) => validateWebhook(at, webhook)),
    ...field.unique<Webhook>(
      webhooks,
      ({ name }) => name,
      (index, { name }) => field.duplicate(`webhooks[${index}].name`, name),
    ),
  ];
}

const maxTimeoutSeconds = 30;
const harmless = ["None", "NoneOnDryRun"];

function validateWebhook(path: string, webhook: Webhook): Errors {
  const { name, rules, failurePolicy, matchPolicy, sideEffects, timeoutSeconds, clientConfig } = webhook;
  const at = (part: string) => field.child(path, part);
  const errors: FieldError[] = [
    ...qualifiedDomainErrors(at("name"), name ?? ""),
    ...field.each(at("rules"), rules, validateRule),
    ...field.oneOf(at("failurePolicy"), failurePolicy, ["Fail", "Ignore"]),
    ...field.oneOf(at("matchPolicy"), matchPolicy, ["Equivalent", "Exact"]),
    ...(sideEffects === undefined
      ? [field.required(at("sideEffects"), `must specify one of ${harmless.join(", ")}`)]
      : field.oneOf(at("sideEffects"), sideEffects, harmless)),
  ];
  if ("reinvocationPolicy" in webhook)
    errors.push(...field.oneOf(at("reinvocationPolicy"), webhook.reinvocationPolicy, ["IfNeeded", "Never"]));
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > maxTimeoutSeconds))
    errors.push(
      field.invalid(
        at("timeoutSeconds"),
        timeoutSeconds,
        `the timeout value must be between 1 and ${maxTimeoutSeconds} seconds`,
      ),
    );
  return [
    ...errors,
    ...validateLabelSelector(at("namespaceSelector"), webhook.namespaceSelector),
    ...validateLabelSelector(at("objectSelector"), webhook.objectSelector),
    ...validateClient(at("clientConfig"), clientConfig ?? {}),
    ...validateMatchConditions(at("matchConditions"), webhook.matchConditions),
    ...reviewVersionErrors(at("admissionReviewVersions"), webhook.admissionReviewVersions ?? []),
  ];
}

/** A domain of at least three parts. */
function qualifiedDomainErrors(path: string, name: string): Errors {
  if (name === "") return [field.required(path)];
  const reasons = dns1123Subdomain(name);
  if (reasons.length > 0) return [field.invalid(path, name, reasons.join(","))];
  return name.split(".").length >= 3
    ? []
    : [field.invalid(path, name, "should be a domain with at least three segments separated by dots")];
}

function reviewVersionErrors(path: string, versions: readonly string[]): Errors {
  if (versions.length === 0) return [field.required(path, "must specify one of v1, v1beta1")];
  const errors = [
    ...field.each(path, versions, (version, at) => field.invalidEach(at, version, dns1035Label(version))),
    ...field.unique(
      versions,
      (version) => version,
      (index, version) => field.invalid(field.at(path, index), version, "duplicate version"),
    ),
  ];
  if (!versions.includes("v1") && !versions.includes("v1beta1"))
    errors.push(field.invalid(path, versions, "must include at least one of v1, v1beta1"));
  return errors;
}

function validateClient(path: string, { url, service }: WebhookClientConfig): Errors {
  if ((url === undefined) === (service === undefined))
    return [field.required(path, "exactly one of url or service is required")];
  if (url !== undefined) return webhookUrlErrors(field.child(path, "url"), url);
  return webhookServiceErrors(field.child(path, "service"), service ?? {});
}

/** A service that is called over HTTPS (also of conversions). */
export function webhookServiceErrors(
  path: string,
  { name, namespace, port = 443, path: urlPath = "" }: Partial<NonNullable<WebhookClientConfig["service"]>>,
): Errors {
  const reasons = portNumber(port);
  return [
    // Upstream's callers mix the two up.
    ...(namespace ? [] : [field.required(field.child(path, "name"))]),
    ...(name ? [] : [field.required(field.child(path, "namespace"))]),
    ...(reasons.length === 0
      ? []
      : [field.invalid(field.child(path, "port"), port, `port is not valid: ${reasons.join(", ")}`)]),
    ...field.invalidEach(field.child(path, "path"), urlPath, urlPathReasons(urlPath)),
  ];
}

/** Segments of the path are names. */
function urlPathReasons(urlPath: string): readonly string[] {
  if (urlPath === "" || urlPath === "/") return [];
  if (urlPath === "//") return ["segment[0] may not be empty"];
  const start = urlPath.startsWith("/") ? [] : ["must start with a '/'"];
  const rest = urlPath.slice(1);
  const segments = (rest.endsWith("/") ? rest.slice(0, -1) : rest).split("/");
  return [
    ...start,
    ...segments.flatMap((segment, index) =>
      segment === ""
        ? [`segment[${index}] may not be empty`]
        : dns1123Subdomain(segment).map((reason) => `segment[${index}]: ${reason}`),
    ),
  ];
}

export function webhookUrlErrors(path: string, text: string): Errors {
  const form = "; desired format: https://host[/path]";
  // A relative reference is a URL in Go: it lacks scheme and host, which is told instead.
  if (text.startsWith(":")) {
    const reason = `parse ${field.quote(text)}: missing protocol scheme`;
    return [field.required(path, `url must be a valid URL: ${reason}${form}`)];
  }
  const isRelative = !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text);
  if (isRelative)
    return [
      field.invalid(path, "", `'https' is the only allowed URL scheme${form}`),
      field.invalid(path, "", `host must be specified${form}`),
    ];
  if (!URL.canParse(text)) {
    const isWithoutHost = /^https:\/\/(?:[/?#]|$)/.test(text);
    return isWithoutHost
      ? [field.invalid(path, "", `host must be specified${form}`)]
      : [field.required(path, `url must be a valid URL: parse ${field.quote(text)}: invalid URL${form}`)];
  }
  const url = new URL(text);
  const userinfo = [url.username, url.password].filter((part) => part !== "").join(":");
  const errors: FieldError[] = [];
  if (url.protocol !== "https:")
    errors.push(
      field.invalid(path, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`),
    );
  if (url.host === "") errors.push(field.invalid(path, url.host, `host must be specified${form}`));
  if (userinfo !== "")
    errors.push(field.invalid(path, userinfo, "user information is not permitted in the URL"));
  if (url.hash !== "")
    errors.push(field.invalid(path, url.hash.slice(1), "fragments are not permitted in the URL"));
  if (url.search !== "")
    errors.push(field.invalid(path, url.search.slice(1), "query parameters are not permitted in the URL"));
  return errors;
}
