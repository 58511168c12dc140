import type { FieldError } from "../../apimachinery/api-error.ts";
import { formatDuration, parseDuration } from "../../apimachinery/protobuf/duration.ts";
import * as field from "../../apimachinery/validation.ts";

/** `apiserver.config.k8s.io/v1` EncryptionConfiguration: which resources are encrypted at rest, and with what. */
export interface EncryptionConfiguration {
  readonly resources: readonly ResourceEncryption[];
}

export interface ResourceEncryption {
  /** "secrets", "deployments.apps", "*.apps", "*." (the core group), "*.*". */
  readonly resources: readonly string[];
  /** The first writes; all read. */
  readonly providers: readonly Provider[];
}

export interface Provider {
  readonly aesgcm?: Keys;
  readonly aescbc?: Keys;
  readonly secretbox?: Keys;
  readonly identity?: object;
  readonly kms?: KmsPlugin;
}

/** A plugin that encrypts keys; what was not said is filled in. */
export interface KmsPlugin {
  readonly name: string;
  /** "v1" unless said, which is refused as upstream refuses it with its gate off. */
  readonly apiVersion: string;
  /** "unix:///run/kms.sock" */
  readonly endpoint: string;
  readonly timeoutMs: number;
  readonly cachesize?: number;
}

export interface Keys {
  readonly keys?: readonly EncryptionKey[];
}

export interface EncryptionKey {
  readonly name: string;
  /** Base64. */
  readonly secret: string;
}

/** A resource's group and plural name; either may be "*". */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

const providerNames = ["kms", "aesgcm", "aescbc", "secretbox", "identity"] as const;
const keyLengths = { aesgcm: [16, 24, 32], aescbc: [16, 24, 32], secretbox: [32] } as const;
const keyed = ["aesgcm", "aescbc", "secretbox"] as const;

const messages = {
  capital: "resource name should not contain capital letters",
  star: "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources",
  notServed: "resources which do not have REST API/s cannot be encrypted",
  events:
    "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file",
  extensions: "'extensions' group has been removed and cannot be used for encryption",
  acrossGroups: "encrypting the same resource across groups is not supported",
  duplicate: "the same resource cannot be specified multiple times",
  overlap:
    "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
};
const storedWithoutApi = new Set(["apiserveripinfo", "serviceipallocations", "servicenodeportallocations"]);

/** "deployments.apps" → apps, deployments; up to the first dot, as upstream reads it. */
export function parseGroupResource(text: string): GroupResource {
  const dot = text.indexOf(".");
  return dot < 0
    ? { group: "", resource: text }
    : { group: text.slice(dot + 1), resource: text.slice(0, dot) };
}

/** What a file says, checked. Throws an Error that lists all that is wrong, with upstream's messages. */
export function readEncryptionConfiguration(value: unknown): EncryptionConfiguration {
  if (!isRecord(value)) throw new Error("got unexpected config type: not an object");
  const { apiVersion, kind } = value;
  if (apiVersion !== "apiserver.config.k8s.io/v1" || kind !== "EncryptionConfiguration")
    throw new Error(
      `no kind ${JSON.stringify(kind ?? "")} is registered for version ${JSON.stringify(apiVersion ?? "")}`,
    );
  checkShape(value);
  const configuration = withPlugins(value as unknown as EncryptionConfiguration); // its shape was checked
  const errors = validateEncryptionConfiguration(configuration);
  if (errors.length === 1) throw new Error(describe(errors[0]));
  if (errors.length > 1) throw new Error(`[${errors.map(describe).join(", ")}]`);
  return configuration;
}

const usualTimeoutMs = 3000;

function withPlugins(configuration: EncryptionConfiguration): EncryptionConfiguration {
  const filled = (provider: Provider): Provider => {
    if (provider.kms === undefined || provider.kms === null) return provider;
    const { name = "", apiVersion, endpoint = "", timeout, cachesize } = provider.kms as Partial<KmsFile>;
    return {
      ...provider,
      kms: {
        name,
        apiVersion: apiVersion || "v1",
        endpoint,
        timeoutMs: timeout === undefined ? usualTimeoutMs : parseDuration(timeout) / 1_000_000,
        ...(cachesize === undefined ? {} : { cachesize }),
      },
    };
  };
  return {
    ...configuration,
    resources: (configuration.resources ?? []).map((entry) => ({
      ...entry,
      providers: (entry.providers ?? []).map(filled),
    })),
  };
}

/** A plugin as the file has it. */
type KmsFile = Omit<KmsPlugin, "timeoutMs"> & { readonly timeout: string };

function describe(error: FieldError | undefined): string {
  return `${error?.field}: ${error?.message}`;
}

/** Lists and objects are where they belong: what follows may rely on it. */
function checkShape({ resources = [] }: Readonly<Record<string, unknown>>): void {
  for (const [index, entry] of listOf(resources, "resources").entries()) {
    const path = `resources[${index}]`;
    if (!isRecord(entry)) throw new Error(`${path} must be an object`);
    for (const name of listOf(entry.resources ?? [], `${path}.resources`))
      if (typeof name !== "string") throw new Error(`${path}.resources must hold strings`);
    for (const [position, provider] of listOf(entry.providers ?? [], `${path}.providers`).entries()) {
      if (!isRecord(provider)) throw new Error(`${path}.providers[${position}] must be an object`);
      checkPlugin(provider.kms, `${path}.providers[${position}].kms`);
      for (const name of keyed) {
        const { keys = [] } = isRecord(provider[name]) ? provider[name] : {};
        for (const key of listOf(keys, `${path}.providers[${position}].${name}.keys`))
          if (!isRecord(key) || !isText(key.name) || !isText(key.secret))
            throw new Error(`${path}.providers[${position}].${name}.keys must hold names and secrets`);
      }
    }
  }
}

function checkPlugin(kms: unknown, path: string): void {
  if (kms === undefined || kms === null) return;
  if (!isRecord(kms)) throw new Error(`${path} must be an object`);
  const texts = ["name", "apiVersion", "endpoint", "timeout"];
  const wrong = texts.find((name) => !isText(kms[name]));
  if (wrong !== undefined) throw new Error(`${path}.${wrong} must be a string`);
  if (kms.cachesize !== undefined && typeof kms.cachesize !== "number")
    throw new Error(`${path}.cachesize must be a number`);
}

function isText(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "string";
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path} must be a list`);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Upstream's `ValidateEncryptionConfiguration`. */
function validateEncryptionConfiguration({ resources = [] }: Partial<EncryptionConfiguration>): FieldError[] {
  if (resources.length === 0) return [field.required("resources", "at least one resources is required")];
  const plugins = new Set<string>();
  return resources.flatMap((entry, index) => {
    const path = `resources[${index}].resources`;
    const providersPath = `resources[${index}].providers`;
    const { resources: names = [], providers = [] } = entry as Partial<ResourceEncryption>;
    return [
      ...(names.length === 0 ? [field.required(path, `at least one ${path} is required`)] : []),
      ...overlapErrors(names, path),
      ...names.flatMap((name, position) => nameErrors(name, field.at(path, position))),
      ...(providers.length === 0
        ? [field.required(providersPath, `at least one ${providersPath} is required`)]
        : []),
      ...providers.flatMap((provider, position) =>
        providerErrors(provider, field.at(providersPath, position), plugins),
      ),
    ];
  });
}

function overlapErrors(names: readonly string[], path: string): FieldError[] {
  const parsed = names.map(parseGroupResource);
  const pairs = parsed.flatMap((left, index) =>
    parsed.flatMap((right, other) => (index === other ? [] : [{ left, right }])),
  );
  const isSame = ({ left, right }: (typeof pairs)[number]) =>
    left.group === right.group && left.resource === right.resource;
  const overlaps = pairs.some(
    ({ left, right }) =>
      !isSame({ left, right }) &&
      ((left.group === "*" && left.resource === "*") ||
        (left.group === right.group && (left.resource === "*" || right.resource === "*"))),
  );
  return [
    ...(pairs.some(isSame) ? [field.invalid(path, names, messages.duplicate)] : []),
    ...(overlaps ? [field.invalid(path, names, messages.overlap)] : []),
  ];
}

function nameErrors(name: string, path: string): FieldError[] {
  const { group, resource } = parseGroupResource(name);
  let message: string | undefined;
  if (name.toLowerCase() !== name) message = messages.capital;
  else if (name === "*") message = messages.star;
  else if (storedWithoutApi.has(name)) message = messages.notServed;
  else if (group === "events.k8s.io") message = messages.events;
  else if (group === "extensions") message = messages.extensions;
  else if (group === "*" && resource !== "*") message = messages.acrossGroups;
  return message === undefined ? [] : [field.invalid(path, name, message)];
}

function providerErrors(provider: Provider, path: string, plugins: Set<string>): FieldError[] {
  const found = providerNames.filter((name) => provider[name] !== undefined && provider[name] !== null);
  // The provider itself is not shown: it holds keys.
  if (found.length === 0)
    return [
      field.invalid(
        path,
        "REDACTED",
        "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity",
      ),
    ];
  if (found.length > 1)
    return [
      field.invalid(
        path,
        "REDACTED",
        "more than one provider specified in a single element, should split into different list elements",
      ),
    ];
  if (provider.kms) return pluginErrors(provider.kms, field.child(path, "kms"), plugins);
  return keyed.flatMap((name) =>
    name === found[0]
      ? keyListErrors(provider[name]?.keys ?? [], field.child(path, name, "keys"), keyLengths[name])
      : [],
  );
}

/** `names` are those of the plugins before it. */
function pluginErrors(
  { name, apiVersion, endpoint, timeoutMs, cachesize }: KmsPlugin,
  path: string,
  names: Set<string>,
): FieldError[] {
  const at = (member: string) => field.child(path, member);
  const errors: FieldError[] = [];
  if (name === "") errors.push(field.required(at("name"), "name is a mandatory field for a provider"));
  if (apiVersion !== "v1" && name.includes(":"))
    errors.push(field.invalid(at("name"), name, `invalid KMS provider name ${name}, must not contain ':'`));
  if (apiVersion !== "v1" && names.has(name))
    errors.push(field.invalid(at("name"), name, `duplicate KMS provider name ${name}, names must be unique`));
  names.add(name);
  if (timeoutMs <= 0) {
    const shown = formatDuration(timeoutMs * 1_000_000);
    errors.push(field.invalid(at("timeout"), shown, "timeout should be a positive value"));
  }
  const fault = endpointFault(endpoint);
  if (fault !== undefined) errors.push(field.invalid(at("endpoint"), endpoint, fault));
  if (apiVersion !== "v1" && cachesize !== undefined)
    errors.push(field.invalid(at("cachesize"), cachesize, "cachesize is not supported in v2"));
  if (apiVersion === "v1" && cachesize === 0)
    errors.push(
      field.invalid(
        at("cachesize"),
        cachesize,
        "cachesize should be a positive value, or negative to disable",
      ),
    );
  if (apiVersion !== "v1" && apiVersion !== "v2")
    errors.push(
      field.invalid(
        at("apiVersion"),
        apiVersion,
        "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported",
      ),
    );
  return errors;
}

function endpointFault(endpoint: string): string | undefined {
  if (endpoint === "") return "endpoint is a mandatory field for a kms";
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(endpoint)?.[1]?.toLowerCase() ?? "";
  return scheme === "unix"
    ? undefined
    : `unsupported scheme ${JSON.stringify(scheme)} for KMS provider, only unix is supported`;
}

function keyListErrors(
  keys: readonly EncryptionKey[],
  path: string,
  lengths: readonly number[],
): FieldError[] {
  if (keys.length === 0) return [field.required(path, "at least one keys is required")];
  return keys.flatMap((key, index) => keyErrors(key, field.at(path, index), lengths));
}

function keyErrors({ name, secret }: EncryptionKey, path: string, lengths: readonly number[]): FieldError[] {
  const errors = name
    ? []
    : [field.required(field.child(path, "name"), "name is a mandatory field for a key")];
  const place = field.child(path, "secret");
  if (!secret) return [...errors, field.required(place, "secret is a mandatory field for a key")];
  const bytes = decodeBase64(secret);
  if (bytes === undefined)
    return [...errors, field.invalid(place, "REDACTED", "secrets must be base64 encoded")];
  if (lengths.includes(bytes.length)) return errors;
  const detail = `secret is not of the expected length, got ${bytes.length}, expected one of [${lengths.join(" ")}]`;
  return [...errors, field.invalid(place, "REDACTED", detail)];
}

/** Undefined: not base64 as Go reads it (padded, line breaks ignored). */
export function decodeBase64(text: string): Buffer | undefined {
  const compact = text.replace(/[\r\n]/g, "");
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)) return undefined;
  return Buffer.from(compact, "base64");
}
