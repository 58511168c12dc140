import type { FieldError } from "../../apimachinery/api-error.ts";
import type { Program } from "../../apimachinery/cel/environment.ts";
import * as field from "../../apimachinery/validation.ts";
import { compileExpression, selectsClaim } from "../authentication/oidc/claim-expressions.ts";
import type {
  AuthenticationConfiguration,
  ClaimMappings,
  ClaimValidationRule,
  JwtAuthenticatorConfiguration,
  PrefixedClaimOrExpression,
} from "./authentication-configuration.ts";
import { issuerErrors, type ValidationContext } from "./issuer-validation.ts";

/** The expressions of one issuer, compiled; what is absent is done by plain claims, or not at all. */
export interface JwtExpressions {
  readonly username?: Program;
  readonly groups?: Program;
  readonly uid?: Program;
  readonly extra: readonly { readonly key: string; readonly program: Program }[];
  readonly claimRules: readonly CompiledRule[];
  readonly userRules: readonly CompiledRule[];
}

export interface CompiledRule {
  readonly program: Program;
  readonly message: string;
}

const maxIssuers = 64;

/** Upstream's `ValidateAuthenticationConfiguration`, and each issuer's compiled expressions. */
export function validateAuthenticationConfiguration(
  configuration: AuthenticationConfiguration,
  context: ValidationContext,
): { readonly errors: readonly FieldError[]; readonly expressions: readonly JwtExpressions[] } {
  const { jwt = [], anonymous } = configuration;
  if (jwt.length > maxIssuers)
    return { errors: [field.tooMany("jwt", jwt.length, maxIssuers)], expressions: [] };
  const errors: FieldError[] = [];
  const urls = new Set<string>();
  const discoveryUrls = new Set<string>();
  const expressions = jwt.map((authenticator, index) => {
    const path = field.at("jwt", index);
    const compiled = validateJwt(authenticator, path, context, errors);
    const { url = "", discoveryURL = "" } = authenticator.issuer ?? {};
    if (urls.has(url)) errors.push(field.duplicate(`${path}.issuer.url`, url));
    urls.add(url);
    if (discoveryURL !== "") {
      if (discoveryUrls.has(discoveryURL))
        errors.push(field.duplicate(`${path}.issuer.discoveryURL`, discoveryURL));
      discoveryUrls.add(discoveryURL);
    }
    return compiled;
  });
  const conditions = anonymous?.conditions ?? [];
  if (anonymous !== undefined && anonymous.enabled !== true && conditions.length > 0)
    errors.push(
      field.invalid(
        "anonymous.conditions",
        conditions,
        "enabled should be set to true when conditions are defined",
      ),
    );
  return { errors, expressions };
}

function validateJwt(
  authenticator: JwtAuthenticatorConfiguration,
  path: string,
  context: ValidationContext,
  errors: FieldError[],
): JwtExpressions {
  errors.push(...issuerErrors(authenticator.issuer ?? {}, `${path}.issuer`, context));
  const claimRules = claimValidationRules(
    authenticator.claimValidationRules ?? [],
    `${path}.claimValidationRules`,
    errors,
  );
  const mappings = claimMappings(authenticator.claimMappings ?? {}, `${path}.claimMappings`, errors);
  requireVerifiedEmail(authenticator.claimMappings, mappings, claimRules, { path, errors });
  const userRules = userValidationRules(
    authenticator.userValidationRules ?? [],
    `${path}.userValidationRules`,
    errors,
  );
  return { ...mappings, claimRules, userRules };
}

function claimValidationRules(
  rules: readonly ClaimValidationRule[],
  path: string,
  errors: FieldError[],
): CompiledRule[] {
  const claims = new Set<string>();
  const expressions = new Set<string>();
  return rules.flatMap((rule, index) => {
    const at = field.at(path, index);
    const { claim = "", expression = "", message = "", requiredValue = "" } = rule;
    if (claim !== "" && expression !== "") {
      errors.push(field.invalid(at, claim, "claim and expression can't both be set"));
      return [];
    }
    if (claim === "" && expression === "") {
      errors.push(field.required(at, "claim or expression is required"));
      return [];
    }
    if (claim !== "") {
      if (message !== "")
        errors.push(field.invalid(`${at}.message`, message, "may not be specified when claim is set"));
      if (claims.has(claim)) errors.push(field.duplicate(`${at}.claim`, claim));
      claims.add(claim);
      return [];
    }
    if (requiredValue !== "")
      errors.push(
        field.invalid(`${at}.requiredValue`, requiredValue, "may not be specified when expression is set"),
      );
    return compiledRule("claims", { expression, message }, `${at}.expression`, { seen: expressions, errors });
  });
}

function userValidationRules(
  rules: NonNullable<JwtAuthenticatorConfiguration["userValidationRules"]>,
  path: string,
  errors: FieldError[],
): CompiledRule[] {
  const seen = new Set<string>();
  return rules.flatMap(({ expression = "", message = "" }, index) => {
    const at = `${field.at(path, index)}.expression`;
    if (expression === "") {
      errors.push(field.required(at));
      return [];
    }
    return compiledRule("user", { expression, message }, at, { seen, errors });
  });
}

function compiledRule(
  variable: "claims" | "user",
  { expression, message }: { readonly expression: string; readonly message: string },
  path: string,
  { seen, errors }: { readonly seen: Set<string>; readonly errors: FieldError[] },
): CompiledRule[] {
  if (seen.has(expression)) {
    errors.push(field.duplicate(path, expression));
    return [];
  }
  seen.add(expression);
  const program = compiled(variable, expression, "bool", path, errors);
  return program === undefined ? [] : [{ program, message }];
}

function compiled(
  variable: "claims" | "user",
  expression: string,
  wanted: "bool" | "any",
  path: string,
  errors: FieldError[],
): Program | undefined {
  const program = compileExpression(variable, expression, wanted);
  if (typeof program !== "string") return program;
  errors.push(field.invalid(path, expression, program));
  return undefined;
}

type Mappings = Pick<JwtExpressions, "username" | "groups" | "uid" | "extra">;

function claimMappings(mappings: ClaimMappings, path: string, errors: FieldError[]): Mappings {
  const username = prefixedClaim(mappings.username ?? {}, `${path}.username`, { required: true, errors });
  const groups = prefixedClaim(mappings.groups ?? {}, `${path}.groups`, { required: false, errors });
  const uid = uidMapping(mappings.uid ?? {}, `${path}.uid`, errors);
  const extra = extraMappings(mappings.extra ?? [], `${path}.extra`, errors);
  return {
    ...(username === undefined ? {} : { username }),
    ...(groups === undefined ? {} : { groups }),
    ...(uid === undefined ? {} : { uid }),
    extra,
  };
}

function prefixedClaim(
  { claim = "", expression = "", prefix }: PrefixedClaimOrExpression,
  path: string,
  { required, errors }: { readonly required: boolean; readonly errors: FieldError[] },
): Program | undefined {
  if (claim !== "" && expression !== "") {
    errors.push(field.invalid(path, "", "claim and expression can't both be set"));
    return undefined;
  }
  if (expression !== "") {
    if (prefix !== undefined)
      errors.push(field.invalid(`${path}.prefix`, prefix, "may not be specified when expression is set"));
    return compiled("claims", expression, "any", `${path}.expression`, errors);
  }
  if (claim === "") {
    if (required) errors.push(field.required(path, "claim or expression is required"));
  } else if (prefix === undefined)
    errors.push(
      field.required(
        `${path}.prefix`,
        "prefix is required when claim is set. It can be set to an empty string to disable prefixing",
      ),
    );
  return undefined;
}

function uidMapping(
  { claim = "", expression = "" }: NonNullable<ClaimMappings["uid"]>,
  path: string,
  errors: FieldError[],
): Program | undefined {
  if (claim !== "" && expression !== "") {
    errors.push(field.invalid(path, "", "claim and expression can't both be set"));
    return undefined;
  }
  return expression === "" ? undefined : compiled("claims", expression, "any", `${path}.expression`, errors);
}

function extraMappings(
  mappings: NonNullable<ClaimMappings["extra"]>,
  path: string,
  errors: FieldError[],
): Mappings["extra"] {
  const seen = new Set<string>();
  return mappings.flatMap(({ key = "", valueExpression = "" }, index) => {
    const at = field.at(path, index);
    errors.push(...extraKeyErrors(key, `${at}.key`));
    if (seen.has(key)) {
      errors.push(field.duplicate(`${at}.key`, key));
      return [];
    }
    seen.add(key);
    if (valueExpression === "") {
      errors.push(field.required(`${at}.valueExpression`));
      return [];
    }
    const program = compiled("claims", valueExpression, "any", `${at}.valueExpression`, errors);
    return program === undefined ? [] : [{ key, program }];
  });
}

const reservedDomain = /^(?:.*\.)?(?:kubernetes|k8s)\.io$/;

function extraKeyErrors(key: string, path: string): FieldError[] {
  const errors = [...field.domainPrefixedPathErrors(key, path)];
  if (key !== key.toLowerCase()) errors.push(field.invalid(path, key, "must be lowercase"));
  const slash = key.indexOf("/");
  if (slash >= 0 && reservedDomain.test(key.slice(0, slash)))
    errors.push(
      field.invalid(path, key, "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"),
    );
  return errors;
}

/** An address that its owner never confirmed must not become a name: whoever maps `claims.email` has to look at that. */
function requireVerifiedEmail(
  mappings: ClaimMappings | undefined,
  { username, extra }: Mappings,
  claimRules: readonly CompiledRule[],
  { path, errors }: { readonly path: string; readonly errors: FieldError[] },
): void {
  if (username === undefined || !selectsClaim(username.syntax, "email")) return;
  const looked = [
    username,
    ...extra.map(({ program }) => program),
    ...claimRules.map(({ program }) => program),
  ];
  if (looked.some(({ syntax }) => selectsClaim(syntax, "email_verified"))) return;
  errors.push(
    field.invalid(
      `${path}.claimMappings.username.expression`,
      mappings?.username?.expression,
      "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression",
    ),
  );
}
