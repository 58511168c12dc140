/** Webhooks of admission: which requests they are asked about, and how. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { validateLabelSelector } from "../../apimachinery/labels.ts";
import { dns1035Label, dns1123Subdomain, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
  WebhookClientConfig,
} from "./types.generated.ts";

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

function validateWebhook(path: string, webhook: Webhook): Errors {
  const { name, rules, failurePolicy, matchPolicy, sideEffects, timeoutSeconds, clientConfig } = webhook;
  const at = (part: string) => field.child(path, part);
  const errors: FieldError[] = [
    ...qualifiedDomainErrors(at("name"), name ?? ""),
    ...validateLabelSelector(at("namespaceSelector"), webhook.namespaceSelector),
    ...validateLabelSelector(at("objectSelector"), webhook.objectSelector),
    ...field.each(at("rules"), rules, validateRule),
    ...field.oneOf(at("failurePolicy"), failurePolicy, ["Fail", "Ignore"]),
    ...field.oneOf(at("matchPolicy"), matchPolicy, ["Equivalent", "Exact"]),
    ...field.oneOf(at("sideEffects"), sideEffects, ["None", "NoneOnDryRun"], { required: true }),
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
  errors.push(...reviewVersionErrors(at("admissionReviewVersions"), webhook.admissionReviewVersions ?? []));
  errors.push(...validateClient(at("clientConfig"), clientConfig ?? {}));
  return [...errors, ...conditionErrors(at("matchConditions"), webhook)];
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

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/** Which requests: each list is not empty, and a star stands alone. */
function validateRule(rule: RuleWithOperations, path: string): Errors {
  const { apiGroups = [], apiVersions = [], resources = [], operations: given = [], scope } = rule;
  const errors: FieldError[] = [];
  for (const [name, list] of Object.entries({ apiGroups, apiVersions, resources, operations: given })) {
    const at = field.child(path, name);
    if (list.length === 0) errors.push(field.required(at));
    if (name !== "resources" && list.length > 1 && list.includes("*"))
      errors.push(field.invalid(at, list, "if '*' is present, must not specify other values"));
  }
  apiVersions.forEach((version, index) => {
    if (version === "") errors.push(field.required(field.at(field.child(path, "apiVersions"), index)));
  });
  errors.push(
    ...field.each(field.child(path, "operations"), given, (operation, at) =>
      field.oneOf(at, operation, operations),
    ),
  );
  errors.push(...resourceErrors(field.child(path, "resources"), resources));
  errors.push(...field.oneOf(field.child(path, "scope"), scope, ["*", "Cluster", "Namespaced"]));
  return errors;
}

function resourceErrors(path: string, resources: readonly string[]): Errors {
  const errors: FieldError[] = resources.flatMap((name, index) =>
    name === "" ? [field.required(field.at(path, index))] : [],
  );
  if (resources.includes("*/*") && resources.length > 1)
    errors.push(field.invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes("*") && resources.some((name) => name !== "*" && !name.includes("/")))
    errors.push(
      field.invalid(
        path,
        resources,
        "if '*' is present, must not specify other resources without subresources",
      ),
    );
  return errors;
}

const maxConditions = 64;

function conditionErrors(path: string, { matchConditions = [] }: Webhook): Errors {
  const errors: FieldError[] = [];
  if (matchConditions.length > maxConditions)
    errors.push(field.tooMany(path, matchConditions.length, maxConditions));
  errors.push(
    ...field.each(path, matchConditions, ({ name, expression }, at) => [
      ...(name ? [] : [field.required(field.child(at, "name"))]),
      ...(expression?.trim() ? [] : [field.required(field.child(at, "expression"))]),
    ]),
    ...field.unique(
      matchConditions,
      ({ name }) => name,
      (index, { name }) => field.duplicate(field.child(field.at(path, index), "name"), name),
    ),
  );
  return errors;
}
