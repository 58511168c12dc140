/** What the kubelet calls in a container: probes and lifecycle hooks. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { httpHeaderName, portName, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** A number or the name of a port. */
export function portErrors(path: string, port: number | string | undefined): Errors {
  if (typeof port === "string") return field.invalidEach(path, port, portName(port));
  return field.invalidEach(path, port ?? 0, portNumber(port ?? 0));
}

export function validateLiveness(path: string, probe: Probe | undefined): Errors {
  return probe === undefined ? [] : [...validateProbe(path, probe), ...onceSuccessful(path, probe)];
}

export function validateStartup(path: string, probe: Probe | undefined): Errors {
  return validateLiveness(path, probe);
}

export function validateReadiness(path: string, probe: Probe | undefined): Errors {
  if (probe === undefined) return [];
  const errors = validateProbe(path, probe);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace === undefined) return errors;
  const at = field.child(path, "terminationGracePeriodSeconds");
  return [...errors, field.invalid(at, grace, "must not be set for readinessProbes")];
}

function onceSuccessful(path: string, { successThreshold = 0 }: Probe): Errors {
  return successThreshold === 1
    ? []
    : [field.invalid(field.child(path, "successThreshold"), successThreshold, "must be 1")];
}

function validateProbe(path: string, probe: Probe): Errors {
  const { exec, httpGet, tcpSocket, grpc, terminationGracePeriodSeconds: grace } = probe;
  const numbers = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const;
  return [
    ...validateHandler(path, { exec, httpGet, tcpSocket, grpc }, undefined),
    ...numbers.flatMap((name) => field.nonNegative(field.child(path, name), probe[name])),
    ...(grace !== undefined && grace <= 0
      ? [field.invalid(field.child(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0")]
      : []),
  ];
}

type Handlers = {
  readonly [Name in "exec" | "httpGet" | "tcpSocket" | "grpc" | "sleep"]?:
    | (Probe & LifecycleHandler)[Name]
    | undefined;
};

/** Exactly one way to call. */
function validateHandler(path: string, handlers: Handlers, graceSeconds: number | undefined): Errors {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handlers;
  const [first, ...others] = Object.entries(handlers).flatMap(([name, handler]) =>
    handler === undefined ? [] : name,
  );
  if (first === undefined) return [field.required(path, "must specify a handler type")];
  const at = field.child(path, first);
  const errors: FieldError[] = [];
  if (first === "exec" && (exec?.command ?? []).length === 0)
    errors.push(field.required(field.child(at, "command")));
  if (first === "httpGet" && httpGet !== undefined) errors.push(...validateHttpGet(at, httpGet));
  if (first === "tcpSocket") errors.push(...portErrors(field.child(at, "port"), tcpSocket?.port));
  if (first === "grpc") errors.push(...portErrors(field.child(at, "port"), grpc?.port));
  if (first === "sleep" && sleep !== undefined && graceSeconds !== undefined)
    if (sleep.seconds < 0 || sleep.seconds > graceSeconds) {
      const detail = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`;
      errors.push(field.invalid(at, sleep.seconds, detail));
    }
  return [
    ...errors,
    ...others.map((name) =>
      field.forbidden(field.child(path, name), "may not specify more than 1 handler type"),
    ),
  ];
}

function validateHttpGet(
  path: string,
  { path: target = "", port, scheme = "", httpHeaders = [] }: HTTPGetAction,
): Errors {
  return [
    ...(target === "" ? [field.required(field.child(path, "path"))] : []),
    ...portErrors(field.child(path, "port"), port),
    ...(["HTTP", "HTTPS"].includes(scheme)
      ? []
      : [field.notSupported(field.child(path, "scheme"), scheme, ["HTTP", "HTTPS"])]),
    ...httpHeaders.flatMap(({ name }) =>
      field.invalidEach(field.child(path, "httpHeaders"), name, httpHeaderName(name)),
    ),
  ];
}

const namedSignals =
  "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX";
const linuxSignals = [
  ...namedSignals.split(" ").map((name) => `SIG${name}`),
  ...Array.from({ length: 15 }, (_, index) => `SIGRTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `SIGRTMAX-${index + 1}`),
].sort();

export function validateLifecycle(
  path: string,
  lifecycle: Lifecycle | undefined,
  {
    graceSeconds,
    osName,
  }: { readonly graceSeconds: number | undefined; readonly osName: string | undefined },
): Errors {
  const { postStart, preStop, stopSignal } = lifecycle ?? {};
  const errors: FieldError[] = [];
  for (const [name, handler] of Object.entries({ postStart, preStop }))
    if (handler !== undefined) {
      const { exec, httpGet, tcpSocket, sleep } = handler;
      errors.push(
        ...validateHandler(field.child(path, name), { exec, httpGet, tcpSocket, sleep }, graceSeconds),
      );
    }
  if (stopSignal !== undefined) {
    const at = field.child(path, "stopSignal");
    const supported = osName === "windows" ? ["SIGKILL", "SIGTERM"] : linuxSignals;
    if (osName === undefined)
      errors.push(field.forbidden(at, "may not be set for containers with empty `spec.os.name`"));
    else if (!supported.includes(stopSignal)) errors.push(field.notSupported(at, stopSignal, supported));
  }
  return errors;
}
