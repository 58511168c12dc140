import type { FieldError } from "../../apimachinery/api-error.ts";
import {
  dns1123Label,
  dns1123Subdomain,
  pathSegment,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { ipErrors, parseIpSloppily } from "../../apimachinery/validation-ip.ts";
import { inGoForm } from "../go-form.ts";
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from "./types.generated.ts";

type Errors = readonly FieldError[];

const classAnnotation = "kubernetes.io/ingress.class";

export function validateIngress(ingress: Ingress): Errors {
  const { rules, defaultBackend, tls, ingressClassName } = ingress.spec;
  const errors: FieldError[] = [];
  if ((rules ?? []).length === 0 && defaultBackend === undefined)
    errors.push(
      field.invalid(
        "spec",
        inGoForm("IngressRule", rules),
        "either `defaultBackend` or `rules` must be specified",
      ),
    );
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

/** Where the class stands in the field and in the annotation that came before it, both say the same. */
export function validateIngressCreate(ingress: Ingress): Errors {
  const annotation = ingress.metadata.annotations?.[classAnnotation];
  const className = ingress.spec.ingressClassName;
  const errors = validateIngress(ingress);
  if (annotation === undefined || className === undefined || annotation === className) return errors;
  const path = field.child("annotations", classAnnotation);
  const detail = "must match `ingressClassName` when both are specified";
  return [...errors, field.invalid(path, annotation, detail)];
}

function hostErrors(path: string, host: string): Errors {
  const isAddress = parseIpSloppily(host) !== undefined;
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
  return field.each(path, paths, (entry, at) =>
    entry.pathType === undefined
      ? [field.required(field.child(at, "pathType"), "pathType must be specified")]
      : [...validatePath(at, entry), ...validateBackend(field.child(at, "backend"), entry.backend ?? {})],
  );
}

const confusing = ["//", "/./", "/../", "%2f", "%2F"];
const confusingEnds = ["/..", "/."];

function validatePath(path: string, { path: value = "", pathType }: HTTPIngressPath): Errors {
  const at = field.child(path, "path");
  const absolute = value.startsWith("/") ? [] : [field.invalid(at, value, "must be an absolute path")];
  switch (pathType) {
    case "Exact":
    case "Prefix": {
      return [
        ...absolute,
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
  if (resource !== undefined) return referenceErrors(field.child(path, "resource"), resource);
  if (service === undefined) return [field.invalid(path, "", "resource or service backend is required")];
  const { name = "", port = {} } = service;
  const namePath = field.child(path, "service", "name");
  const errors: FieldError[] =
    name === "" ? [field.required(namePath)] : [...field.invalidEach(namePath, name, dns1123Label(name))];
  if (port.name && port.number)
    errors.push(field.invalid(path, "", "cannot set both port name & port number"));
  else if (port.name)
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
        ...(parseIpSloppily(hostname) === undefined
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
  const { namespace, scope } = parameters;
  errors.push(...referenceErrors(path, parameters));
  errors.push(
    ...field.oneOf(field.child(path, "scope"), scope, ["Cluster", "Namespace"], { required: "present" }),
  );
  const at = field.child(path, "namespace");
  if (scope === "Namespace" && namespace === undefined)
    errors.push(field.required(at, "`parameters.scope` is set to 'Namespace'"));
  if (scope === "Namespace" && namespace !== undefined)
    errors.push(...field.invalidEach(at, namespace, dns1123Label(namespace)));
  if (scope === "Cluster" && namespace !== undefined)
    errors.push(field.forbidden(at, "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

interface Reference {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
}

function referenceErrors(path: string, { apiGroup, kind, name }: Reference): Errors {
  const group = field.child(path, "apiGroup");
  return [
    ...(apiGroup === undefined ? [] : field.invalidEach(group, apiGroup, dns1123Subdomain(apiGroup))),
    ...Object.entries({ kind, name }).flatMap(([part, value]) => {
      const at = field.child(path, part);
      return value ? field.invalidEach(at, value, pathSegment(value)) : [field.required(at)];
    }),
  ];
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
    ...field.immutable("spec.controller", object.spec.controller, old.spec.controller),
    ...validateIngressClass(object),
  ];
}
