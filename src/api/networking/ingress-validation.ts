import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  dns1035Label,
  dns1123Subdomain,
  pathSegment,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { ipErrors, parseIp } from "../../apimachinery/validation-ip.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from "./types.generated.ts";

type Errors = readonly FieldError[];

const classAnnotation = "kubernetes.io/ingress.class";

export function validateIngress(ingress: Ingress): Errors {
  const { rules = [], defaultBackend, tls, ingressClassName } = ingress.spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined)
    errors.push(field.invalid("spec", rules, "either `defaultBackend` or `rules` must be specified"));
  if (defaultBackend !== undefined) errors.push(...validateBackend("spec.defaultBackend", defaultBackend));
  errors.push(
    ...field.each("spec.rules", rules, ({ host = "", http }, at) => [
      ...(host === "" ? [] : hostErrors(field.child(at, "host"), host)),
      ...(http === undefined ? [] : validatePaths(field.child(at, "http", "paths"), http.paths)),
    ]),
    ...field.each("spec.tls", tls, ({ hosts, secretName = "" }, at) => [
      ...field.each(field.child(at, "hosts"), hosts, (host, hostPath) => nameErrors(hostPath, host)),
      ...(secretName === ""
        ? []
        : field.invalidEach(field.child(at, "secretName"), secretName, dns1123Subdomain(secretName))),
    ]),
  );
  if (ingressClassName !== undefined)
    errors.push(
      ...field.invalidEach("spec.ingressClassName", ingressClassName, dns1123Subdomain(ingressClassName)),
    );
  return errors;
}

/** The class stands in the field or in the annotation that came before it, not in both. */
export function validateIngressCreate(ingress: Ingress): Errors {
  const annotation = ingress.metadata.annotations?.[classAnnotation];
  const errors = validateIngress(ingress);
  if (annotation === undefined || ingress.spec.ingressClassName === undefined) return errors;
  const path = field.child("annotations", classAnnotation);
  return [field.invalid(path, annotation, "can not be set when the class field is also set"), ...errors];
}

function hostErrors(path: string, host: string): Errors {
  const isAddress = parseIp(host) !== undefined;
  return [
    ...(isAddress ? [field.invalid(path, host, "must be a DNS name, not an IP address")] : []),
    ...nameErrors(path, host),
  ];
}

function nameErrors(path: string, host: string): Errors {
  const reasons = host.includes("*") ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host);
  return field.invalidEach(path, host, reasons);
}

function validatePaths(path: string, paths: readonly HTTPIngressPath[] | undefined): Errors {
  if ((paths ?? []).length === 0) return [field.required(path)];
  return field.each(path, paths, (entry, at) => [
    ...validatePath(at, entry),
    ...validateBackend(field.child(at, "backend"), entry.backend ?? {}),
  ]);
}

const confusing = ["//", "/./", "/../", "%2f", "%2F"];
const confusingEnds = ["/..", "/."];

function validatePath(path: string, { path: value = "", pathType }: HTTPIngressPath): Errors {
  const at = field.child(path, "path");
  const absolute = value.startsWith("/") ? [] : [field.invalid(at, value, "must be an absolute path")];
  switch (pathType) {
    case undefined:
    case "":
      return [field.required(field.child(path, "pathType"), "pathType must be specified")];
    case "Exact":
    case "Prefix": {
      if (absolute.length > 0) return absolute;
      return [
        ...confusing
          .filter((part) => value.includes(part))
          .map((part) => field.invalid(at, value, `must not contain '${part}'`)),
        ...confusingEnds
          .filter((part) => value.endsWith(part))
          .map((part) => field.invalid(at, value, `cannot end with '${part}'`)),
      ];
    }
    case "ImplementationSpecific":
      return value === "" ? [] : absolute;
    default:
      return [
        field.notSupported(field.child(path, "pathType"), pathType, [
          "Exact",
          "ImplementationSpecific",
          "Prefix",
        ]),
      ];
  }
}

function validateBackend(path: string, { resource, service }: IngressBackend): Errors {
  if (resource !== undefined && service !== undefined)
    return [field.invalid(path, "", "cannot set both resource and service backends")];
  if (resource !== undefined)
    return [
      ...(resource.kind ? [] : [field.required(field.child(path, "resource", "kind"))]),
      ...(resource.name ? [] : [field.required(field.child(path, "resource", "name"))]),
    ];
  if (service === undefined) return [field.invalid(path, "", "resource or service backend is required")];
  const { name = "", port = {} } = service;
  const namePath = field.child(path, "service", "name");
  const errors: FieldError[] =
    name === "" ? [field.required(namePath)] : [...field.invalidEach(namePath, name, dns1035Label(name))];
  if (port.name && port.number)
    errors.push(field.invalid(path, "", "cannot set both port name & port number"));
  if (port.name)
    errors.push(
      ...field.invalidEach(field.child(path, "service", "port", "name"), port.name, portName(port.name)),
    );
  else if (port.number)
    errors.push(
      ...field.invalidEach(
        field.child(path, "service", "port", "number"),
        port.number,
        portNumber(port.number),
      ),
    );
  else errors.push(field.required(path, "port name or number is required"));
  return errors;
}

export function validateIngressStatus({ status }: Ingress, old: Ingress): Errors {
  const before = (old.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip || []);
  return field.each(
    "status.loadBalancer.ingress",
    status?.loadBalancer?.ingress,
    ({ ip = "", hostname = "" }, at) => {
      const hostPath = field.child(at, "hostname");
      return [
        ...(ip === "" ? [] : ipErrors(field.child(at, "ip"), ip, before)),
        ...(hostname === "" ? [] : field.invalidEach(hostPath, hostname, dns1123Subdomain(hostname))),
        ...(parseIp(hostname) === undefined
          ? []
          : [field.invalid(hostPath, hostname, "must be a DNS name, not an IP address")]),
      ];
    },
  );
}

const maxControllerBytes = 250;

export function validateIngressClass({ spec }: IngressClass): Errors {
  const { controller = "", parameters } = spec;
  const errors: FieldError[] = [];
  if (controller.length > maxControllerBytes)
    errors.push(field.tooLong("spec.controller", maxControllerBytes));
  errors.push(...domainPathErrors("spec.controller", controller));
  if (parameters === undefined) return errors;
  const path = "spec.parameters";
  const { apiGroup, kind, name, namespace, scope } = parameters;
  if (apiGroup !== undefined)
    errors.push(...field.invalidEach(field.child(path, "apiGroup"), apiGroup, dns1123Subdomain(apiGroup)));
  for (const [fieldName, value] of Object.entries({ kind, name })) {
    const at = field.child(path, fieldName);
    errors.push(
      ...(value
        ? field.invalidEach(at, value, pathSegment(value))
        : [field.required(at, `${fieldName} is required`)]),
    );
  }
  errors.push(
    ...field.oneOf(field.child(path, "scope"), scope, ["Cluster", "Namespace"], { required: true }),
  );
  if (scope === "Namespace" && !namespace)
    errors.push(field.required(field.child(path, "namespace"), "`parameters.scope` is set to 'Namespace'"));
  if (scope === "Cluster" && namespace)
    errors.push(field.forbidden(field.child(path, "namespace"), "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

/** `acme.io/foo`: a domain and a path. */
function domainPathErrors(path: string, value: string): Errors {
  if (value === "") return [field.required(path)];
  const slash = value.indexOf("/");
  const domain = value.slice(0, Math.max(0, slash));
  const rest = value.slice(slash + 1);
  if (slash <= 0 || rest === "")
    return [field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors: FieldError[] = [...field.invalidEach(path, domain, dns1123Subdomain(domain))];
  const format = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest))
    errors.push(field.invalid(path, rest, `Invalid path (regex used for validation is '${format}')`));
  return errors;
}

export function validateIngressClassUpdate(object: IngressClass, old: IngressClass): Errors {
  return [
    ...validateIngressClass(object),
    ...field.immutable("spec.controller", object.spec.controller, old.spec.controller),
  ];
}
