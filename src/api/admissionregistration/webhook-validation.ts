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
  if (url !== undefined) return urlErrors(field.child(path, "url"), url);
  const { name, namespace, port = 443, path: urlPath } = service ?? {};
  const at = field.child(path, "service");
  const errors: FieldError[] = [];
  if (!name) errors.push(field.required(field.child(at, "name"), "service name is required"));
  if (!namespace) errors.push(field.required(field.child(at, "namespace"), "service namespace is required"));
  const reasons = portNumber(port);
  if (reasons.length > 0)
    errors.push(field.invalid(field.child(at, "port"), port, `port is not valid: ${reasons.join(",")}`));
  if (urlPath !== undefined && !urlPath.startsWith("/"))
    errors.push(field.invalid(field.child(at, "path"), urlPath, "must start with a '/'"));
  return errors;
}

function urlErrors(path: string, text: string): Errors {
  const form = "desired format: https://host[/path]";
  if (!URL.canParse(text)) return [field.required(path, `url must be a valid URL: ${form}`)];
  const url = new URL(text);
  const errors: FieldError[] = [];
  if (url.protocol !== "https:")
    errors.push(
      field.invalid(path, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${form}`),
    );
  if (url.username !== "" || url.password !== "")
    errors.push(field.invalid(path, url.username, "user information is not permitted in the URL"));
  if (url.hash !== "")
    errors.push(field.invalid(path, url.hash.slice(1), "fragments are not permitted in the URL"));
  if (url.search !== "")
    errors.push(field.invalid(path, url.search.slice(1), "query parameters are not permitted in the URL"));
  return errors;
}
