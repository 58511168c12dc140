import type { FieldError } from "../../apimachinery/api-error.ts";
import { byteLength, inRange } from "../../apimachinery/names.ts";
import * as field from "../../apimachinery/validation.ts";
import type { ISCSIPersistentVolumeSource, ISCSIVolumeSource } from "./types.generated.ts";

type Errors = readonly FieldError[];

/** What a source is checked against beside itself. */
export interface SourceOwner {
  /** Of the volume in its pod, or of the persistent volume. */
  readonly volumeName: string;
  /** References to secrets name the namespace too. */
  readonly isPersistent: boolean;
}

/** Names of targets and initiators by what they start with; the first is not anchored upstream either. */
const nameForms: readonly (readonly [prefix: string, form: RegExp])[] = [
  ["iqn", /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/],
  ["eui", /^eui.[A-Za-z0-9]{16}$/],
  ["naa", /^naa.[A-Za-z0-9]{32}$/],
];

function nameErrors(path: string, name: string, isPersistent: boolean): Errors {
  const [, form] = nameForms.find(([prefix]) => name.startsWith(prefix)) ?? [];
  if (form?.test(name) === true) return [];
  const hint = form === undefined && !isPersistent ? " starting with iqn, eui, or naa" : "";
  return [field.invalid(path, name, `must be valid format${hint}`)];
}

const maxInitiatorBytes = 64;

/** A disk that is reached over the network. */
export function validateIscsi(
  path: string,
  source: ISCSIVolumeSource | ISCSIPersistentVolumeSource,
  { volumeName, isPersistent }: SourceOwner,
): Errors {
  const { targetPortal = "", iqn = "", lun = 0, initiatorName, secretRef } = source;
  const at = (name: string) => field.child(path, name);
  const errors: FieldError[] = [];
  if (targetPortal === "") errors.push(field.required(at("targetPortal")));
  if (iqn === "") errors.push(field.required(at("iqn")));
  else errors.push(...nameErrors(at("iqn"), iqn, isPersistent));
  errors.push(...field.invalidEach(at("lun"), lun, inRange(lun, 0, 255)));
  const needsSecret = source.chapAuthDiscovery === true || source.chapAuthSession === true;
  if (needsSecret && secretRef === undefined) errors.push(field.required(at("secretRef")));
  if (isPersistent && secretRef !== undefined && !secretRef.name)
    errors.push(field.required(field.child(at("secretRef"), "name")));
  if (initiatorName === undefined) return errors;
  errors.push(...nameErrors(at("initiatorname"), initiatorName, isPersistent));
  if (byteLength(`${volumeName}:${targetPortal}`) > maxInitiatorBytes) {
    const detail =
      "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
    errors.push(
      isPersistent
        ? field.invalid(at("targetportal"), targetPortal, detail)
        : // In a pod the volume's name can be changed, as upstream has it.
          field.invalid(path.replace(/\.iscsi$/, ".name"), volumeName, detail),
    );
  }
  return errors;
}
