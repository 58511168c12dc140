/** Containers of pods: regular ones, init containers, sidecars, ephemeral ones. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { dns1123Label, portName, portNumber } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import { validateEnv, validateEnvFrom } from "./container-env-validation.ts";
import { validateMounts } from "./mount-validation.ts";
import { isSidecar } from "./pod-conditions.ts";
import {
  validateLifecycle,
  validateLiveness,
  validateReadiness,
  validateStartup,
} from "./probe-validation.ts";
import { validateContainerResources } from "./resource-validation.ts";
import { validateSecurityContext } from "./security-validation.ts";
import type {
  Container,
  ContainerPort,
  ContainerRestartRule,
  EphemeralContainer,
  PodSpec,
  Volume,
} from "./types.generated.ts";

type Errors = readonly FieldError[];

/** What containers are checked against beside themselves. */
export interface PodContext {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: readonly string[];
}

export function validateContainers(path: string, context: PodContext): Errors {
  const { containers } = context.spec;
  if (containers.length === 0) return [field.required(path)];
  return [
    ...field.each(path, containers, (container, at) => [
      ...validateCommon(at, container, context),
      ...validateCalls(at, container, context),
      ...validateRestartPolicy(at, container),
    ]),
    ...field.unique(
      containers,
      ({ name }) => name,
      (index, { name }) => field.duplicate(field.child(field.at(path, index), "name"), name),
    ),
    ...hostPortConflicts(path, containers),
  ];
}

export function validateInitContainers(path: string, context: PodContext): Errors {
  const { containers, initContainers = [] } = context.spec;
  const taken = new Set(containers.map(({ name }) => name));
  return field.each(path, initContainers, (container, at) => {
    const errors = [...validateCommon(at, container, context)];
    if (isSidecar(container)) {
      errors.push(...validateCalls(at, container, context), ...validateRestartPolicy(at, container));
    } else {
      // Rules without a policy are not looked at where containers run one after another.
      const isPlain = container.restartPolicy === undefined;
      const [first] = validateRestartPolicy(at, container);
      if (isPlain && first !== undefined) errors.push(first);
      if (!isPlain) errors.push(...validateRestartPolicy(at, container));
      for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const)
        if (container[name] !== undefined)
          errors.push(
            field.forbidden(
              field.child(at, name),
              "may not be set for init containers without restartPolicy=Always",
            ),
          );
    }
    if (taken.has(container.name)) errors.push(field.duplicate(field.child(at, "name"), container.name));
    taken.add(container.name);
    // They run one after another: only ports of the same container can be in each other's way.
    errors.push(...hostPortConflicts(path, [container]));
    return errors;
  });
}

const ephemeralFields = new Set([
  "name",
  "image",
  "command",
  "args",
  "workingDir",
  "envFrom",
  "env",
  "volumeMounts",
  "volumeDevices",
  "terminationMessagePath",
  "terminationMessagePolicy",
  "imagePullPolicy",
  "securityContext",
  "stdin",
  "stdinOnce",
  "tty",
  "targetContainerName",
]);

export function validateEphemeralContainers(path: string, context: PodContext): Errors {
  const { containers, initContainers = [], ephemeralContainers } = context.spec;
  const targets = new Set([...containers, ...initContainers].map(({ name }) => name));
  const taken = new Set(targets);
  return field.each(path, ephemeralContainers, (container, at) => {
    const { name, targetContainerName = "", volumeMounts } = container;
    const errors = [...validateCommon(at, container, context), ...imageSpaceErrors(at, container)];
    if (taken.has(name)) errors.push(field.duplicate(field.child(at, "name"), name));
    taken.add(name);
    if (targetContainerName !== "" && !targets.has(targetContainerName))
      errors.push(field.notFound(field.child(at, "targetContainerName"), targetContainerName));
    errors.push(...forbiddenInEphemeral(at, container));
    errors.push(
      ...field.each(field.child(at, "volumeMounts"), volumeMounts, (mount, mountPath) =>
        (["subPath", "subPathExpr"] as const)
          .filter((fieldName) => mount[fieldName])
          .map((fieldName) =>
            field.forbidden(field.child(mountPath, fieldName), "cannot be set for an Ephemeral Container"),
          ),
      ),
    );
    return errors;
  });
}

function forbiddenInEphemeral(path: string, container: EphemeralContainer): Errors {
  return Object.entries(container)
    .filter(([name, value]) => !ephemeralFields.has(name) && !field.semanticEqual(value, undefined))
    .map(([name]) => field.forbidden(field.child(path, name), "cannot be set for an Ephemeral Container"));
}

/** A name of an image has no spaces around it: checked in pods, but not in templates. */
export function imageSpaceErrors(path: string, { image = "" }: Container): Errors {
  if (image.trim() === image) return [];
  return [field.invalid(field.child(path, "image"), image, "must not have leading or trailing whitespace")];
}

const messagePolicies = ["File", "FallbackToLogsOnError"];
const pullPolicies = ["Always", "IfNotPresent", "Never"];

function validateCommon(
  path: string,
  container: Container,
  { spec, volumes, claimNames }: PodContext,
): Errors {
  const { name = "", image = "", ports, env, envFrom, resources, securityContext } = container;
  const namePath = field.child(path, "name");
  const hostUsers = spec.hostUsers !== false;
  return [
    ...(name === "" ? [field.required(namePath)] : field.invalidEach(namePath, name, dns1123Label(name))),
    ...(image === "" ? [field.required(field.child(path, "image"))] : []),
    ...field.oneOf(
      field.child(path, "terminationMessagePolicy"),
      container.terminationMessagePolicy,
      messagePolicies,
      {
        required: true,
      },
    ),
    ...validatePorts(field.child(path, "ports"), ports),
    ...validateEnv(field.child(path, "env"), env),
    ...validateEnvFrom(field.child(path, "envFrom"), envFrom),
    ...validateMounts(path, container, volumes),
    ...field.oneOf(field.child(path, "imagePullPolicy"), container.imagePullPolicy, pullPolicies, {
      required: true,
    }),
    ...validateContainerResources(field.child(path, "resources"), resources, claimNames),
    ...validateResizePolicy(field.child(path, "resizePolicy"), container, spec.restartPolicy),
    ...validateSecurityContext(field.child(path, "securityContext"), securityContext, hostUsers),
  ];
}

/** Probes and hooks: of what runs for long. */
function validateCalls(path: string, container: Container, { spec }: PodContext): Errors {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container;
  const surroundings = { graceSeconds: spec.terminationGracePeriodSeconds, osName: spec.os?.name };
  return [
    ...validateLifecycle(field.child(path, "lifecycle"), lifecycle, surroundings),
    ...validateLiveness(field.child(path, "livenessProbe"), livenessProbe),
    ...validateReadiness(field.child(path, "readinessProbe"), readinessProbe),
    ...validateStartup(field.child(path, "startupProbe"), startupProbe),
  ];
}

export const protocols = ["SCTP", "TCP", "UDP"];

function validatePorts(path: string, ports: readonly ContainerPort[] | undefined): Errors {
  const taken = new Set<string>();
  return field.each(path, ports, (port, at) => {
    const { name = "", containerPort = 0, hostPort = 0, protocol } = port;
    const errors: FieldError[] = [];
    if (name !== "") {
      const reasons = portName(name);
      if (reasons.length > 0) errors.push(...field.invalidEach(field.child(at, "name"), name, reasons));
      else if (taken.has(name)) errors.push(field.duplicate(field.child(at, "name"), name));
      else taken.add(name);
    }
    const numberPath = field.child(at, "containerPort");
    if (containerPort === 0) errors.push(field.required(numberPath));
    else errors.push(...field.invalidEach(numberPath, containerPort, portNumber(containerPort)));
    if (hostPort !== 0)
      errors.push(...field.invalidEach(field.child(at, "hostPort"), hostPort, portNumber(hostPort)));
    errors.push(...field.oneOf(field.child(at, "protocol"), protocol, protocols, { required: true }));
    return errors;
  });
}

function hostPortConflicts(path: string, containers: readonly Container[]): Errors {
  const taken = new Set<string>();
  return field.each(path, containers, ({ ports }, at) =>
    field.each(field.child(at, "ports"), ports, ({ protocol = "", hostIP = "", hostPort = 0 }, portPath) => {
      if (hostPort === 0) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) return [field.duplicate(field.child(portPath, "hostPort"), key)];
      taken.add(key);
      return [];
    }),
  );
}

function validateResizePolicy(path: string, { resizePolicy }: Container, podRestartPolicy = ""): Errors {
  return [
    ...field.unique(
      resizePolicy,
      ({ resourceName }) => resourceName,
      (index, { resourceName }) => field.duplicate(field.at(path, index), resourceName),
    ),
    ...(resizePolicy ?? []).flatMap(({ resourceName, restartPolicy }) => [
      ...field.oneOf(path, resourceName, ["cpu", "memory"], { required: true }),
      ...field.oneOf(path, restartPolicy, ["NotRequired", "RestartContainer"], { required: true }),
      ...(podRestartPolicy === "Never" && restartPolicy !== "NotRequired"
        ? [field.invalid(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")]
        : []),
    ]),
  ];
}

const restartPolicies = ["Always", "Never", "OnFailure"];

/** The policy of a single container, with rules by exit codes. */
function validateRestartPolicy(path: string, { restartPolicy, restartPolicyRules = [] }: Container): Errors {
  const errors: FieldError[] = [];
  const policyPath = field.child(path, "restartPolicy");
  const rulesPath = field.child(path, "restartPolicyRules");
  if (restartPolicy === undefined) {
    if (restartPolicyRules.length > 0)
      errors.push(field.required(policyPath, "must specify restartPolicy when restart rules are used"));
  } else if (!restartPolicies.includes(restartPolicy))
    errors.push(field.notSupported(policyPath, restartPolicy, restartPolicies));
  if (restartPolicyRules.length > 20) errors.push(field.tooMany(rulesPath, restartPolicyRules.length, 20));
  errors.push(...field.each(rulesPath, restartPolicyRules, validateRestartRule));
  return errors;
}

function validateRestartRule({ action, exitCodes }: ContainerRestartRule, path: string): Errors {
  const errors: FieldError[] = [];
  const actions = ["Restart", "RestartAllContainers"];
  if (!actions.includes(action))
    errors.push(field.notSupported(field.child(path, "action"), action ?? "", actions));
  const at = field.child(path, "exitCodes");
  if (exitCodes === undefined) return [...errors, field.required(at, "must be specified")];
  if (exitCodes.operator !== "In" && exitCodes.operator !== "NotIn")
    errors.push(field.notSupported(field.child(at, "operator"), exitCodes.operator ?? "", ["In", "NotIn"]));
  if ((exitCodes.values ?? []).length > 255)
    errors.push(field.tooMany(field.child(at, "values"), exitCodes.values?.length ?? 0, 255));
  return errors;
}
