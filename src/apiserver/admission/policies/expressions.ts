import type { Namespace } from "../../../api/core/types.generated.ts";
import {
  type CelEnvironment,
  CelRuntimeError,
  CostBudget,
  createCelEnvironment,
  Pending,
  type Program,
  whenSettled,
} from "../../../apimachinery/cel/environment.ts";
import {
  type AuthorizationAnswer,
  type AuthorizationCheck,
  authorizerTypeName,
  CelAuthorizer,
  ResourceCheck,
} from "../../../apimachinery/cel/libraries/authorizer.ts";
import { type CelType, dynFromJson, dynType } from "../../../apimachinery/cel/types.ts";
import type { AnyObject } from "../../../apimachinery/meta.ts";
import type { AuthorizationAttributes, Authorizer } from "../../stages.ts";
import { apiUserInfo } from "../../virtual/user-info.ts";
import type { VersionedRequest } from "./policy-dependencies.ts";

/** The expressions of policies and of webhooks' match conditions: their variables, and how they are evaluated. */

/** Upstream's limit for all expressions of one policy and request (`RuntimeCELCostBudget`). */
const requestCostLimit = 10_000_000;

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

export interface ExpressionsOptions {
  readonly hasParams: boolean;
  readonly variables?: readonly NamedExpression[];
  /** For checking types; absent: they are found when values are looked at. */
  readonly objectType?: CelType;
  readonly paramType?: CelType;
  /** Objects are written as maps, whose values are of several types. */
  readonly isMutation?: boolean;
}

/** The expressions of one place, compiled when first asked for. Failures are kept as texts. */
export class Expressions {
  readonly #environment: CelEnvironment;
  readonly #variables: readonly { readonly name: string; readonly program: Program | string }[];
  readonly #VariablesType: new () => object;
  readonly #compiled = new Map<string, Program | string>();

  constructor(options: ExpressionsOptions) {
    const base: Record<string, CelType> = {
      object: options.objectType ?? dynType,
      oldObject: options.objectType ?? dynType,
      request: dynType,
      namespaceObject: dynType,
      authorizer: { ...dynType, name: authorizerTypeName },
      ...(options.hasParams ? { params: options.paramType ?? dynType } : {}),
    };
    class Variables {}
    this.#VariablesType = Variables;
    const variables: { readonly name: string; readonly program: Program | string }[] = [];
    const fields: Record<string, string> = {};
    const environment = () =>
      createCelEnvironment(
        {
          ...base,
          variables: {
            ...dynType,
            name: "Variables",
            objects: [{ name: "Variables", fields: { ...fields }, create: Variables }],
          },
        },
        { mixesTypes: options.isMutation === true, patches: options.isMutation === true },
      );
    let current = environment();
    for (const { name, expression } of options.variables ?? []) {
      const program = attempt(() => current.compile(expression));
      variables.push({ name, program });
      fields[name] = typeof program === "string" ? "dyn" : program.resultType;
      current = environment();
    }
    this.#environment = current;
    this.#variables = variables;
  }

  /** Throws CelRuntimeError with upstream's text for what does not compile or fails. */
  async evaluate(
    expression: string,
    input: ExpressionInput,
    options: { readonly wanted?: readonly string[]; readonly what?: string } = {},
  ): Promise<unknown> {
    let program = this.#compiled.get(expression);
    if (program === undefined) {
      program = attempt(() => this.#environment.compile(expression, options));
      this.#compiled.set(expression, program);
    }
    if (typeof program === "string") throw new CelRuntimeError(`compilation failed: ${program}`);
    const ready = program;
    try {
      return await whenSettled(() => ready.evaluate(this.#values(input), input.budget));
    } catch (error) {
      if (!(error instanceof CelRuntimeError)) throw error;
      throw new CelRuntimeError(
        `${options.what ?? "expression"} '${expression}' resulted in error: ${error.message}`,
      );
    }
  }

  /** Why an expression does not compile; undefined: it does. */
  faultOf(expression: string, wanted?: readonly string[]): string | undefined {
    const program = attempt(() =>
      this.#environment.compile(expression, wanted === undefined ? {} : { wanted }),
    );
    return typeof program === "string" ? program : undefined;
  }

  /** As `faultOf`, for a variable by its place: two may have one name. */
  faultOfVariable(index: number): string | undefined {
    const program = this.#variables[index]?.program;
    return typeof program === "string" ? program : undefined;
  }

  #values(input: ExpressionInput): Readonly<Record<string, unknown>> {
    const known = input.variablesOf.get(this);
    if (known !== undefined) return { ...input.values, variables: known };
    const variables = new this.#VariablesType();
    const values = { ...input.values, variables };
    for (const { name, program } of this.#variables)
      Object.defineProperty(variables, name, {
        enumerable: true,
        get: once(() => variable(name, program, values, input.budget)),
      });
    input.variablesOf.set(this, variables);
    return values;
  }
}

function variable(
  name: string,
  program: Program | string,
  values: Readonly<Record<string, unknown>>,
  budget: CostBudget,
): unknown {
  try {
    if (typeof program === "string") throw new CelRuntimeError(program);
    return program.evaluate(values, budget);
  } catch (error) {
    if (!(error instanceof CelRuntimeError)) throw error;
    throw new CelRuntimeError(`composited variable "${name}" fails to evaluate: ${error.message}`);
  }
}

/** A value that is found once; a failure, or an answer that is awaited, is not kept. */
function once(find: () => unknown): () => unknown {
  let found: { readonly value: unknown } | undefined;
  return () => {
    found ??= { value: find() };
    return found.value;
  };
}

function attempt(compile: () => Program): Program | string {
  try {
    return compile();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The values of one request, shared by all expressions about it. */
export interface ExpressionInput {
  readonly values: Readonly<Record<string, unknown>>;
  readonly budget: CostBudget;
  readonly variablesOf: Map<Expressions, object>;
}

export interface InputOptions {
  readonly request: VersionedRequest;
  readonly authorizer: Authorizer;
  readonly namespace: Namespace | undefined;
  readonly params?: AnyObject | null;
}

export function expressionInput({ request, authorizer, namespace, params }: InputOptions): ExpressionInput {
  const { attributes, object, oldObject } = request;
  const authorize = asking(authorizer, request);
  const celAuthorizer = Object.assign(new CelAuthorizer(authorize), {
    requestResource: new ResourceCheck(authorize, {
      group: attributes.resource.group,
      resource: attributes.resource.resource,
      subresource: attributes.subresource,
      namespace: attributes.namespace,
      name: attributes.name,
    }),
  });
  return {
    values: {
      object: dynFromJson(object ?? null),
      oldObject: dynFromJson(oldObject ?? null),
      request: dynFromJson(requestValue(request)),
      namespaceObject: dynFromJson(namespace ?? null),
      authorizer: celAuthorizer,
      ...(params === undefined ? {} : { params: dynFromJson(params) }),
    },
    budget: new CostBudget(requestCostLimit),
    variablesOf: new Map(),
  };
}

/** `request`, as an AdmissionReview has it. */
function requestValue({ attributes, version }: VersionedRequest): object {
  const { kind, resource, subresource, name, namespace, operation, user, dryRun, options } = attributes;
  const isNamespace = resource.group === "" && resource.resource === "namespaces";
  return {
    kind: { ...kind, version },
    resource: { ...resource, version },
    subResource: subresource,
    requestKind: kind,
    requestResource: resource,
    requestSubResource: subresource,
    name,
    namespace: isNamespace ? name : namespace,
    operation,
    userInfo: apiUserInfo(user),
    dryRun,
    options,
  };
}

/** The authorizer as an expression asks it: at once where that is possible, else it is asked again when there is an answer. */
function asking(authorizer: Authorizer, { attributes }: VersionedRequest) {
  const answers = new Map<string, AuthorizationAnswer>();
  return (check: AuthorizationCheck): AuthorizationAnswer => {
    const key = JSON.stringify(check);
    const known = answers.get(key);
    if (known !== undefined) return known;
    const decision = authorizer.authorize(authorizationAttributes(check, attributes.user));
    if (!(decision instanceof Promise)) {
      answers.set(key, decision);
      return decision;
    }
    throw new Pending(
      decision.then(
        (answer) => answers.set(key, answer),
        (error: unknown) => answers.set(key, { allowed: false, reason: "", error: String(error) }),
      ),
    );
  };
}

function authorizationAttributes(
  { path, verb, serviceAccount, group, fieldSelector, labelSelector, ...check }: AuthorizationCheck,
  requestor: AuthorizationAttributes["user"],
): AuthorizationAttributes {
  const user =
    serviceAccount === undefined
      ? requestor
      : {
          name: `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`,
          groups: [
            "system:serviceaccounts",
            `system:serviceaccounts:${serviceAccount.namespace}`,
            "system:authenticated",
          ],
        };
  return {
    user,
    verb,
    isResourceRequest: path === undefined,
    apiGroup: group,
    apiVersion: "*",
    ...check,
    path: path ?? "",
    ...(fieldSelector === "" ? {} : { fieldSelector }),
    ...(labelSelector === "" ? {} : { labelSelector }),
  };
}
