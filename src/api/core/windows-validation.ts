/** What pods of Windows have: options of their security contexts, and containers that run as the host. */
import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, dns1123Subdomain } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { PodSpec, WindowsSecurityContextOptions } from "./types.generated.ts";

type Errors = readonly FieldError[];

const maxCredentialKibibytes = 64;
const maxDomainCharacters = 256;
const maxUserCharacters = 104;

export function validateWindowsOptions(
  path: string,
  options: WindowsSecurityContextOptions | undefined,
): Errors {
  if (options === undefined) return [];
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  const errors: FieldError[] = [];
  if (gmsaCredentialSpecName !== undefined)
    errors.push(
      ...field.invalidEach(
        field.child(path, "gmsaCredentialSpecName"),
        gmsaCredentialSpecName,
        dns1123Subdomain(gmsaCredentialSpecName),
      ),
    );
  const credentialPath = field.child(path, "gmsaCredentialSpec");
  if (gmsaCredentialSpec === "")
    errors.push(
      field.invalid(credentialPath, gmsaCredentialSpec, "gmsaCredentialSpec cannot be an empty string"),
    );
  else if (byteLength(gmsaCredentialSpec ?? "") > maxCredentialKibibytes * 1024)
    errors.push(
      field.invalid(
        credentialPath,
        gmsaCredentialSpec,
        `gmsaCredentialSpec size must be under ${maxCredentialKibibytes} KiB`,
      ),
    );
  if (runAsUserName !== undefined)
    errors.push(
      ...field.invalidEach(field.child(path, "runAsUserName"), runAsUserName, userNameReasons(runAsUserName)),
    );
  return errors;
}

const netBiosName = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsDomain =
  /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is asked
const controlCharacter = /[\u0000-\u001f\u007f]/;

/** `DOMAIN\user`, the domain optional. */
function userNameReasons(name: string): readonly string[] {
  if (name === "") return ["runAsUserName cannot be an empty string"];
  if (controlCharacter.test(name)) return ["runAsUserName cannot contain control characters"];
  const parts = name.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const user = parts.at(-1) ?? "";
  const domain = parts.length === 2 ? parts[0] : undefined;
  const reasons: string[] = [];
  if (domain !== undefined && byteLength(domain) >= maxDomainCharacters)
    reasons.push(`runAsUserName's Domain length must be under ${maxDomainCharacters} characters`);
  if (domain !== undefined && !netBiosName.test(domain) && !dnsDomain.test(domain))
    reasons.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  if (user === "") reasons.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > maxUserCharacters)
    reasons.push(`runAsUserName's User length must not be longer than ${maxUserCharacters} characters`);
  if (/^[. ]+$/.test(user)) reasons.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user))
    reasons.push(`runAsUserName's User cannot contain the following characters: "/\\:;|=,+*?<>@[]`);
  return reasons;
}

const containerLists = ["initContainers", "containers", "ephemeralContainers"] as const;

/** Either all containers run as the host, with its network, or none does. */
export function validateHostProcess(path: string, spec: PodSpec): Errors {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const all = containerLists.flatMap((list) =>
    (spec[list] ?? []).map(({ securityContext }, index) => ({
      at: field.at(field.child(path, list), index),
      own: securityContext?.windowsOptions?.hostProcess,
    })),
  );
  const errors: FieldError[] = all.flatMap(({ at, own }) =>
    ofPod !== undefined && own !== undefined && own !== ofPod
      ? [
          field.invalid(
            field.child(at, "securityContext", "windowsOptions", "hostProcess"),
            own,
            `pod hostProcess value must be identical if both are specified, was ${ofPod}`,
          ),
        ]
      : [],
  );
  const count = all.filter(({ own }) => (own ?? ofPod) === true).length;
  if (count === 0) return errors;
  if (count !== all.length)
    errors.push(
      field.invalid(
        path,
        "",
        "If pod contains any hostProcess containers then all containers must be HostProcess containers",
      ),
    );
  if (spec.hostNetwork !== true)
    errors.push(
      field.invalid(
        field.child(path, "hostNetwork"),
        false,
        "hostNetwork must be true if pod contains any hostProcess containers",
      ),
    );
  return errors;
}
