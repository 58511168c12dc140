import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import {
  localSubjectAccessReviews,
  selfSubjectAccessReviews,
  selfSubjectRulesReviews,
  subjectAccessReviews,
} from "../resources.generated.ts";

/** Questions, answered in the reply to their POST and never stored; handlers of the API server answer them. */
const question = { verbs: ["create"], columns: plainColumns, strategy: {} } as const;

export const subjectAccessReviewDefinition = defineResource(subjectAccessReviews, question);
export const localSubjectAccessReviewDefinition = defineResource(localSubjectAccessReviews, question);
export const selfSubjectAccessReviewDefinition = defineResource(selfSubjectAccessReviews, question);
export const selfSubjectRulesReviewDefinition = defineResource(selfSubjectRulesReviews, question);
