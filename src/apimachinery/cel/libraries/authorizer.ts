import type { Environment } from "@marcbachmann/cel-js";
import { define } from "./define.ts";

/** What `authorizer` asks: upstream's `library.Authz`. */
export interface AuthorizationCheck {
  readonly path?: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector: string;
  readonly labelSelector: string;
  readonly verb: string;
  /** Of which the question is asked; absent: the user of the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

export interface AuthorizationAnswer {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error?: string;
}

/** Answers a check, or throws `Pending` until it can. */
export type Authorize = (check: AuthorizationCheck) => AuthorizationAnswer;

/** The value of the variable `authorizer`. */
export class CelAuthorizer {
  readonly authorize: Authorize;
  readonly check: Partial<AuthorizationCheck>;

  constructor(authorize: Authorize, check: Partial<AuthorizationCheck> = {}) {
    this.authorize = authorize;
    this.check = check;
  }
}

class PathCheck extends CelAuthorizer {}
class GroupCheck extends CelAuthorizer {}

/** The value of the variable `authorizer.requestResource`. */
export class ResourceCheck extends CelAuthorizer {}

class Decision {
  readonly answer: AuthorizationAnswer;

  constructor(answer: AuthorizationAnswer) {
    this.answer = answer;
  }
}

const prefix = "kubernetes.authorization";
export const authorizerTypeName = `${prefix}.Authorizer`;
const authorizer = authorizerTypeName;
const path = `${prefix}.PathCheck`;
const group = `${prefix}.GroupCheck`;
const resource = `${prefix}.ResourceCheck`;
const decision = `${prefix}.Decision`;

const nothing: AuthorizationCheck = {
  group: "",
  resource: "",
  subresource: "",
  namespace: "",
  name: "",
  fieldSelector: "",
  labelSelector: "",
  verb: "",
};

export function registerAuthorizer(environment: Environment): void {
  environment.registerType(path, { ctor: PathCheck });
  environment.registerType(group, { ctor: GroupCheck });
  environment.registerType(resource, { ctor: ResourceCheck });
  environment.registerType(decision, { ctor: Decision });
  environment.registerType(authorizer, { ctor: CelAuthorizer, fields: { requestResource: resource } });
  const refined = (field: keyof AuthorizationCheck) => (from: ResourceCheck, value: string) =>
    new ResourceCheck(from.authorize, { ...from.check, [field]: value });
  const answer = ({ authorize, check }: CelAuthorizer, verb: string) =>
    new Decision(authorize({ ...nothing, ...check, verb }));
  define(environment, {
    [`${authorizer}.path(string): ${path}`]: (from: CelAuthorizer, value: string) =>
      new PathCheck(from.authorize, { ...from.check, path: value }),
    [`${authorizer}.group(string): ${group}`]: (from: CelAuthorizer, value: string) =>
      new GroupCheck(from.authorize, { ...from.check, group: value }),
    [`${authorizer}.serviceAccount(string, string): ${authorizer}`]: (
      from: CelAuthorizer,
      namespace: string,
      name: string,
    ) => new CelAuthorizer(from.authorize, { ...from.check, serviceAccount: { namespace, name } }),
    [`${group}.resource(string): ${resource}`]: (from: GroupCheck, value: string) =>
      new ResourceCheck(from.authorize, { ...from.check, resource: value }),
    [`${resource}.subresource(string): ${resource}`]: refined("subresource"),
    [`${resource}.namespace(string): ${resource}`]: refined("namespace"),
    [`${resource}.name(string): ${resource}`]: refined("name"),
    [`${resource}.fieldSelector(string): ${resource}`]: refined("fieldSelector"),
    [`${resource}.labelSelector(string): ${resource}`]: refined("labelSelector"),
    [`${path}.check(string): ${decision}`]: (from: PathCheck, verb: string) =>
      answer(from, verb.toLowerCase()),
    [`${resource}.check(string): ${decision}`]: answer,
    [`${decision}.allowed(): bool`]: (from: Decision) => from.answer.allowed,
    [`${decision}.reason(): string`]: (from: Decision) => from.answer.reason,
    [`${decision}.errored(): bool`]: (from: Decision) => from.answer.error !== undefined,
    [`${decision}.error(): string`]: (from: Decision) => from.answer.error ?? "",
  });
}
