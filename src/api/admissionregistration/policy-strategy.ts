import type { Strategy } from "../definition.ts";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "./types.generated.ts";

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = { unconditionalUpdate: false };
export const validatingPolicyBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  unconditionalUpdate: false,
};
export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = { unconditionalUpdate: false };
export const mutatingPolicyBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  unconditionalUpdate: false,
};
