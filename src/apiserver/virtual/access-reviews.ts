import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "../../api/authorization/types.generated.ts";
import { badRequest, type FieldError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { FullAuthorizer } from "../authorization/create-authorizer.ts";
import { compactRules } from "../authorization/rbac-rules.ts";
import type { AuthorizationAttributes, Authorizer, CreateHandler } from "../stages.ts";

const group = "authorization.k8s.io";

/** The four kinds that ask an authorizer; nothing is stored. */
export function accessReviewHandlers(authorizer: FullAuthorizer): CreateHandler[] {
  return [
    {
      group,
      resource: "subjectaccessreviews",
      create: (object) => review(authorizer, object, "SubjectAccessReview", subjectOf(specOf(object))),
    },
    {
      group,
      resource: "selfsubjectaccessreviews",
      create: (object, { user }) => review(authorizer, object, "SelfSubjectAccessReview", user),
    },
    {
      group,
      resource: "localsubjectaccessreviews",
      create(object, { requestInfo: { namespace } }) {
        const spec = specOf(object);
        if (spec.resourceAttributes !== undefined && spec.resourceAttributes.namespace !== namespace)
          throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
        return review(authorizer, object, "LocalSubjectAccessReview", subjectOf(spec));
      },
    },
    {
      group,
      resource: "selfsubjectrulesreviews",
      create: (object, { user }) => rulesReview(authorizer, object, user),
    },
  ];
}

function specOf(object: AnyObject): SubjectAccessReviewSpec {
  // The server decoded the body as the kind that the resource has; SelfSubjectAccessReview's spec is a part of it.
  return (object as AnyObject & SubjectAccessReview).spec;
}

function subjectOf(spec: SubjectAccessReviewSpec): UserInfo {
  const { user = "", groups = [], uid, extra } = spec;
  return {
    name: user,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  };
}

async function review(
  authorizer: Authorizer,
  object: AnyObject,
  kind: string,
  user: UserInfo,
): Promise<AnyObject> {
  const spec = specOf(object);
  const errors = specErrors(spec, kind);
  if (errors.length > 0) throw invalid({ group, kind }, "", errors);
  const decision = await authorizer.authorize(attributesOf(user, spec));
  const status: SubjectAccessReviewStatus = {
    allowed: decision.allowed,
    ...(decision.denied === true ? { denied: true } : {}),
    ...(decision.reason === "" ? {} : { reason: decision.reason }),
  };
  return { ...object, status };
}

function specErrors(spec: SubjectAccessReviewSpec, kind: string): FieldError[] {
  const { resourceAttributes, nonResourceAttributes, user = "", groups = [] } = spec;
  const problem = (field: string, value: string, text: string): FieldError => ({
    type: "FieldValueInvalid",
    field,
    message: `Invalid value: ${value}: ${text}`,
  });
  const errors: FieldError[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    errors.push(
      problem(
        "spec.nonResourceAttributes",
        JSON.stringify(nonResourceAttributes),
        "cannot be specified in combination with resourceAttributes",
      ),
    );
  if (resourceAttributes === undefined && nonResourceAttributes === undefined)
    errors.push(
      problem(
        "spec.resourceAttributes",
        "null",
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    );
  if (kind === "LocalSubjectAccessReview" && nonResourceAttributes !== undefined)
    errors.push(
      problem(
        "spec.nonResourceAttributes",
        JSON.stringify(nonResourceAttributes),
        "disallowed on this kind of request",
      ),
    );
  if (kind !== "SelfSubjectAccessReview" && user === "" && groups.length === 0)
    errors.push(problem("spec.user", '""', "at least one of user or group must be specified"));
  return errors;
}

function attributesOf(user: UserInfo, spec: SubjectAccessReviewSpec): AuthorizationAttributes {
  return spec.resourceAttributes === undefined
    ? ofPath(user, spec.nonResourceAttributes ?? {})
    : ofResource(user, spec.resourceAttributes);
}

const nowhere = {
  apiGroup: "",
  apiVersion: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  path: "",
};

function ofPath(user: UserInfo, { path = "", verb = "" }: NonResourceAttributes): AuthorizationAttributes {
  return { ...nowhere, user, verb, path, isResourceRequest: false };
}

function ofResource(user: UserInfo, asked: ResourceAttributes): AuthorizationAttributes {
  const fieldSelector = fieldSelectorText(asked.fieldSelector);
  const labelSelector = labelSelectorText(asked.labelSelector);
  return {
    user,
    verb: asked.verb ?? "",
    isResourceRequest: true,
    apiGroup: asked.group ?? "",
    apiVersion: asked.version ?? "",
    resource: asked.resource ?? "",
    subresource: asked.subresource ?? "",
    namespace: asked.namespace ?? "",
    name: asked.name ?? "",
    path: "",
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

/** The selector's text; requirements that have no such form are left out, which can only lead to a refusal. */
function fieldSelectorText(selector: FieldSelectorAttributes | undefined): string | undefined {
  if (selector === undefined) return undefined;
  const terms = (selector.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (values.length !== 1) return [];
    if (operator === "In") return [`${key}=${values[0]}`];
    return operator === "NotIn" ? [`${key}!=${values[0]}`] : [];
  });
  return selector.rawSelector ?? (terms.length === 0 ? undefined : terms.join(","));
}

function labelSelectorText(selector: LabelSelectorAttributes | undefined): string | undefined {
  if (selector === undefined) return undefined;
  const terms = (selector.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (operator === "Exists") return [key];
    if (operator === "DoesNotExist") return [`!${key}`];
    if (operator === "In") return [`${key} in (${values.join(",")})`];
    return operator === "NotIn" ? [`${key} notin (${values.join(",")})`] : [];
  });
  return selector.rawSelector ?? (terms.length === 0 ? undefined : terms.join(","));
}

async function rulesReview(
  authorizer: FullAuthorizer,
  object: AnyObject,
  user: UserInfo,
): Promise<AnyObject> {
  // The server decoded the body as the kind that the resource has.
  const { namespace = "" } = (object as AnyObject & SelfSubjectRulesReview).spec;
  if (namespace === "") throw badRequest("no namespace on request");
  const report = await authorizer.rulesFor(user, namespace);
  const resourceRules = report.rules.filter((rule) => (rule.resources ?? []).length > 0);
  const nonResourceRules = report.rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0);
  return {
    ...object,
    status: {
      resourceRules: compactRules(resourceRules),
      nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: report.incomplete,
      ...(report.evaluationError === "" ? {} : { evaluationError: report.evaluationError }),
    },
  };
}
