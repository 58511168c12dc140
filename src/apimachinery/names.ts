/**
 * The name formats of the API, in upstream's words. Each check returns the reasons why a value is wrong: none when it
 * is right.
 */
export type Reasons = readonly string[];

const none: Reasons = [];

const labelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainFormat = `${labelFormat}(\\.${labelFormat})*`;
const underscoreLabelFormat = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const underscoreSubdomainFormat = `${underscoreLabelFormat}(\\.${underscoreLabelFormat})*`;
const label1035Format = "[a-z]([-a-z0-9]*[a-z0-9])?";
const qualifiedFormat = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

const whole = (format: string) => new RegExp(`^${format}$`);
const labelPattern = whole(labelFormat);
const subdomainPattern = whole(subdomainFormat);
const underscoreSubdomainPattern = whole(underscoreSubdomainFormat);
const wildcardPattern = whole(`\\*\\.${subdomainFormat}`);
const label1035Pattern = whole(label1035Format);
const qualifiedPattern = whole(qualifiedFormat);

const maxLabelBytes = 63;
const maxSubdomainBytes = 253;

/** The length in UTF-8, the unit of every limit. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    // A surrogate pair is two units and four bytes; other characters are one unit and two or three bytes.
    bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}

// Upstream says "characters" in some places and "bytes" in others; bytes are meant in all.
function tooLong(limit: number, unit: "bytes" | "characters" = "characters"): string {
  return `must be no more than ${limit} ${unit}`;
}

function patternReason(rule: string, format: string, ...examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${rule} (${examples.length === 0 ? "" : `e.g. ${shown}`}regex used for validation is '${format}')`;
}

/** A label of DNS (RFC 1123): most names of parts: containers, ports of templates, namespaces. */
export function dns1123Label(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > maxLabelBytes) reasons.push(tooLong(maxLabelBytes));
  if (!labelPattern.test(value)) {
    // What is a valid subdomain but no label has dots.
    if (subdomainPattern.test(value)) reasons.push("must not contain dots");
    else
      reasons.push(
        patternReason(
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          labelFormat,
          "my-name",
          "123-abc",
        ),
      );
  }
  return reasons;
}

/** A subdomain of DNS (RFC 1123): most object names. */
export function dns1123Subdomain(value: string): Reasons {
  return subdomainReasons(value, "characters");
}

function subdomainReasons(value: string, unit: "bytes" | "characters"): Reasons {
  const matches = subdomainPattern.test(value);
  if (matches && value.length <= maxSubdomainBytes) return none;
  const reasons: string[] = [];
  if (byteLength(value) > maxSubdomainBytes) reasons.push(tooLong(maxSubdomainBytes, unit));
  if (!matches)
    reasons.push(
      patternReason(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        subdomainFormat,
        "example.com",
      ),
    );
  return reasons;
}

/** As `dns1123Subdomain`, with underscores (DNS search paths). */
export function dns1123SubdomainWithUnderscore(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > maxSubdomainBytes) reasons.push(tooLong(maxSubdomainBytes));
  if (!underscoreSubdomainPattern.test(value))
    reasons.push(
      patternReason(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        underscoreSubdomainFormat,
        "example.com",
      ),
    );
  return reasons;
}

/** `*.example.com`: hosts of ingress rules. */
export function wildcardDns1123Subdomain(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > maxSubdomainBytes) reasons.push(tooLong(maxSubdomainBytes));
  if (!wildcardPattern.test(value))
    reasons.push(
      patternReason(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        `\\*\\.${subdomainFormat}`,
        "*.example.com",
      ),
    );
  return reasons;
}

/** A label of DNS in the old form (RFC 1035): names of services. */
export function dns1035Label(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > maxLabelBytes) reasons.push(tooLong(maxLabelBytes));
  if (!label1035Pattern.test(value))
    reasons.push(
      patternReason(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        label1035Format,
        "my-name",
        "abc-123",
      ),
    );
  return reasons;
}

/** A label key, finalizer, condition type: `example.com/MyName`, the part before the slash optional. */
export function qualifiedName(value: string): Reasons {
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const parts = value.split("/");
  const reasons: string[] = [];
  let name = parts[0] ?? "";
  if (parts.length === 2) {
    const prefix = name;
    name = parts[1] ?? "";
    if (prefix === "") reasons.push("prefix part must be non-empty");
    else reasons.push(...subdomainReasons(prefix, "bytes").map((reason) => `prefix part ${reason}`));
  } else if (parts.length > 2) {
    const shape = patternReason(rule, qualifiedFormat, "MyName", "my.name", "123-abc");
    return [
      `a valid label key ${shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (name === "") reasons.push("name part must be non-empty");
  else if (byteLength(name) > maxLabelBytes) reasons.push(`name part ${tooLong(maxLabelBytes, "bytes")}`);
  if (!qualifiedPattern.test(name))
    reasons.push(`name part ${patternReason(rule, qualifiedFormat, "MyName", "my.name", "123-abc")}`);
  return reasons;
}

/** The value of a label: may be empty. */
export function labelValue(value: string): Reasons {
  if (value === "") return none;
  const reasons: string[] = [];
  if (byteLength(value) > maxLabelBytes) reasons.push(tooLong(maxLabelBytes, "bytes"));
  if (!qualifiedPattern.test(value))
    reasons.push(
      patternReason(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        `(${qualifiedFormat})?`,
        "MyValue",
        "my_value",
        "12345",
      ),
    );
  return reasons;
}

export function cIdentifier(value: string): Reasons {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return none;
  return [
    patternReason(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      "[A-Za-z_][A-Za-z0-9_]*",
      "my_name",
      "MY_NAME",
      "MyName",
    ),
  ];
}

/** Why a condition is as it is, in one word or several. */
export function conditionReason(value: string): Reasons {
  const format = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?";
  if (whole(format).test(value)) return none;
  return [
    patternReason(
      "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
      format,
      "my_name",
      "MY_NAME",
      "MyName",
      "ReasonA,ReasonB",
      "ReasonA:ReasonB",
    ),
  ];
}

/** A name of an environment variable: any printable ASCII but "=". */
export function environmentVariableName(value: string): Reasons {
  const reasons: string[] = [];
  if (value === "") reasons.push("environment variable name must be non-empty");
  if (!/^[\x20-\x3c\x3e-\x7e]*$/.test(value))
    reasons.push(
      "a valid environment variable name must consist only of printable ASCII characters other than '='",
    );
  return reasons;
}

/** A key of a ConfigMap or Secret: a file name. */
export function configMapKey(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > maxSubdomainBytes) reasons.push(tooLong(maxSubdomainBytes));
  if (!/^[-._a-zA-Z0-9]+$/.test(value))
    reasons.push(
      patternReason(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        "[-._a-zA-Z0-9]+",
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    );
  if (value === "." || value === "..") reasons.push(`must not be '${value}'`);
  else if (value.startsWith("..")) reasons.push("must not start with '..'");
  return reasons;
}

/** A name that may stand as one segment of a URL path (RBAC objects). */
export function pathSegment(value: string): Reasons {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  const reasons: string[] = [];
  for (const illegal of ["/", "%"]) if (value.includes(illegal)) reasons.push(`may not contain '${illegal}'`);
  return reasons;
}

export function inRange(value: number, low: number, high: number): Reasons {
  return value >= low && value <= high ? none : [`must be between ${low} and ${high}, inclusive`];
}

export function portNumber(value: number): Reasons {
  return inRange(value, 1, 65535);
}

/** User and group ids. */
export function userId(value: number): Reasons {
  return inRange(value, 0, 2147483647);
}

/** An IANA service name: a named port. */
export function portName(value: string): Reasons {
  const reasons: string[] = [];
  if (byteLength(value) > 15) reasons.push(tooLong(15));
  if (!/^[-a-z0-9]+$/.test(value))
    reasons.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) reasons.push("must contain at least one letter (a-z)");
  if (value.includes("--")) reasons.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) reasons.push("must not begin or end with a hyphen");
  return reasons;
}

export function percent(value: string): Reasons {
  if (/^[0-9]+%$/.test(value)) return none;
  const rule = "a valid percent string must be a numeric string followed by an ending '%'";
  return [patternReason(rule, "[0-9]+%", "1%", "93%")];
}

export function httpHeaderName(value: string): Reasons {
  if (/^[-A-Za-z0-9]+$/.test(value)) return none;
  const rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [patternReason(rule, "[-A-Za-z0-9]+", "X-Header-Name")];
}

/**
 * The check of generateName: a prefix that, with a suffix, will be a right name. A trailing dash is right before
 * a suffix, so it is looked at as though a letter followed.
 */
export function asPrefix(check: (value: string) => Reasons): (prefix: string) => Reasons {
  return (prefix) => check(prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -1)}a` : prefix);
}
