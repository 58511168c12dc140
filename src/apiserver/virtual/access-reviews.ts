import type {
  NonResourceAttributes,
  ResourceAttributes,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from "../../api/authorization/types.generated.ts";
import { inGoForm } from "../../api/go-form.ts";
import { badRequest, type FieldError, invalid } from "../../apimachinery/api-error.ts";
import type { AnyObject } from "../../apimachinery/meta.ts";
import * as field from "../../apimachinery/validation.ts";
import type { UserInfo } from "../../client/exchange.ts";
import type { FullAuthorizer } from "../authorization/create-authorizer.ts";
import type { AuthorizationAttributes, Authorizer, CreateHandler } from "../stages.ts";
import {
  askedFieldSelector,
  askedLabelSelector,
  selectorErrors,
  selectorFaults,
} from "./access-review-selectors.ts";

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
      create: (object) => review(authorizer, object, "LocalSubjectAccessReview", subjectOf(specOf(object))),
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
  const errors = [...specErrors(spec, kind), ...metadataErrors(object, kind), ...localErrors(object, kind)];
  if (errors.length > 0) throw invalid({ group, kind: "" }, "", errors); // upstream names no kind here
  const decision = await authorizer.authorize(attributesOf(user, spec));
  const { fieldSelector, labelSelector } = spec.resourceAttributes ?? {};
  const faults = [
    ...(decision.error === undefined ? [] : [decision.error]),
    ...selectorFaults({
      fieldSelector: askedFieldSelector(fieldSelector),
      labelSelector: askedLabelSelector(labelSelector),
    }),
  ];
  const status: SubjectAccessReviewStatus = {
    allowed: decision.allowed,
    ...(decision.denied === true ? { denied: true } : {}),
    ...(decision.reason === "" ? {} : { reason: decision.reason }),
    ...(faults.length === 0 ? {} : { evaluationError: aggregate(faults) }),
  };
  return { ...object, status };
}

/** Several errors as Go's aggregate prints them. */
function aggregate(errors: readonly string[]): string {
  return errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]`;
}

/** A review is a question, not a thing: it has no name and no labels. */
function metadataErrors({ metadata }: AnyObject, kind: string): FieldError[] {
  const { managedFields, creationTimestamp, namespace, ...others } = metadata ?? {};
  const rest = kind === "LocalSubjectAccessReview" ? others : { ...others, namespace };
  if (field.semanticEqual(withoutEmpty(rest), {})) return [];
  const except = kind === "LocalSubjectAccessReview" ? " except for namespace" : "";
  return [field.invalid("metadata", metadata, `must be empty${except}`)];
}

function withoutEmpty(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== "" && value !== null));
}

function specErrors(spec: SubjectAccessReviewSpec, kind: string): FieldError[] {
  const { resourceAttributes, nonResourceAttributes, user = "", groups = [] } = spec;
  const errors: FieldError[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined)
    errors.push(
      field.invalid(
        "spec.nonResourceAttributes",
        inGoForm("NonResourceAttributes", nonResourceAttributes),
        "cannot be specified in combination with resourceAttributes",
      ),
    );
  if (resourceAttributes === undefined && nonResourceAttributes === undefined)
    errors.push(
      field.invalid(
        "spec.resourceAttributes",
        null,
        "exactly one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    );
  if (kind !== "SelfSubjectAccessReview" && user === "" && groups.length === 0)
    errors.push(field.invalid("spec.user", "", "at least one of user or group must be specified"));
  const path = "spec.resourceAttributes";
  errors.push(
    ...selectorErrors(resourceAttributes?.fieldSelector, `${path}.fieldSelector`, "field"),
    ...selectorErrors(resourceAttributes?.labelSelector, `${path}.labelSelector`, "label"),
  );
  return errors;
}

/** What is asked in a namespace is of that namespace: the server wrote it to the metadata of the review. */
function localErrors(object: AnyObject, kind: string): FieldError[] {
  if (kind !== "LocalSubjectAccessReview") return [];
  const { resourceAttributes, nonResourceAttributes } = specOf(object);
  const errors: FieldError[] = [];
  const asked = resourceAttributes?.namespace ?? "";
  if (resourceAttributes !== undefined && asked !== (object.metadata.namespace ?? ""))
    errors.push(field.invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
  if (nonResourceAttributes !== undefined)
    errors.push(
      field.invalid(
        "spec.nonResourceAttributes",
        inGoForm("NonResourceAttributes", nonResourceAttributes),
        "disallowed on this kind of request",
      ),
    );
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
  const fieldSelector = askedFieldSelector(asked.fieldSelector).text;
  const labelSelector = askedLabelSelector(asked.labelSelector).text;
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
    // Upstream answers without the question, and without who put it.
    metadata: {},
    spec: {},
    status: {
      resourceRules,
      nonResourceRules: nonResourceRules.map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
      incomplete: report.incomplete,
      ...(report.evaluationError === "" ? {} : { evaluationError: report.evaluationError }),
    },
  };
}
