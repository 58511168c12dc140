import { plainColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { selfSubjectReviews, tokenReviews } from "../resources.generated.ts";

/** Questions, answered in the reply to their POST and never stored; handlers of the API server answer them. */
export const tokenReviewDefinition = defineResource(tokenReviews, {
  verbs: ["create"],
  columns: plainColumns,
  strategy: {},
});

export const selfSubjectReviewDefinition = defineResource(selfSubjectReviews, {
  verbs: ["create"],
  columns: plainColumns,
  strategy: {},
});
