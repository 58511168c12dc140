import { CelRuntimeError, type Program } from "../../../apimachinery/cel/environment.ts";
import type { UserInfo } from "../../../client/exchange.ts";
import type { JwtAuthenticatorConfiguration } from "../../configuration/authentication-configuration.ts";
import type { CompiledRule, JwtExpressions } from "../../configuration/authentication-validation.ts";
import { apiUserInfo } from "../../virtual/user-info.ts";
import { extraKeys } from "../identity.ts";
import { claimsValue, evaluateClaims, evaluateUser } from "./claim-expressions.ts";
import type { Claims } from "./id-token.ts";

/** The user a verified token's claims make. Pure. Throws ClaimError in upstream's words. */

export class ClaimError extends Error {}

export function userOfToken(
  claims: Claims,
  configuration: JwtAuthenticatorConfiguration,
  expressions: JwtExpressions,
): UserInfo {
  const value = claimsValue(claims);
  const name = usernameOf(claims, value, configuration, expressions);
  const groups = groupsOf(claims, value, configuration, expressions);
  const uid = uidOf(claims, value, configuration, expressions);
  const extra = extraOf(claims, value, expressions);
  const user: UserInfo = {
    name,
    ...(uid === "" ? {} : { uid }),
    groups,
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
  checkClaims(claims, value, configuration, expressions.claimRules);
  checkUser(user, expressions.userRules);
  return user;
}

function usernameOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorConfiguration,
  { username: program }: JwtExpressions,
): string {
  if (program !== undefined) {
    const name = evaluated("username claim expression", () => evaluateClaims(program, value));
    if (typeof name !== "string")
      throw new ClaimError(
        "oidc: error evaluating username claim expression: username claim expression must return a string",
      );
    if (name === "") throw new ClaimError("oidc: empty username via CEL expression is not allowed");
    return name;
  }
  const { claim = "", prefix = "" } = claimMappings?.username ?? {};
  const name = stringClaim(claims, claim, `parse username claims ${JSON.stringify(claim)}`);
  if (claim === "email" && Object.hasOwn(claims, "email_verified")) {
    const verified = claims.email_verified;
    if (typeof verified !== "boolean")
      throw new ClaimError(`oidc: parse 'email_verified' claim: ${unmarshalError(verified, "bool")}`);
    if (!verified) throw new ClaimError("oidc: email not verified");
  }
  return prefix + name;
}

function groupsOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorConfiguration,
  { groups: program }: JwtExpressions,
): readonly string[] {
  const { claim = "", prefix = "" } = claimMappings?.groups ?? {};
  if (claim !== "" && Object.hasOwn(claims, claim)) {
    const held = claims[claim];
    const groups = typeof held === "string" ? [held] : (held ?? []);
    if (!isStrings(groups))
      throw new ClaimError(
        `oidc: parse groups claim ${JSON.stringify(claim)}: ${unmarshalError(held, "string")}`,
      );
    return groups.map((group) => prefix + group);
  }
  if (program === undefined) return [];
  const what = "group claim expression";
  return stringList(
    evaluated(what, () => evaluateClaims(program, value)),
    what,
  );
}

function uidOf(
  claims: Claims,
  value: unknown,
  { claimMappings }: JwtAuthenticatorConfiguration,
  { uid: program }: JwtExpressions,
): string {
  const { claim = "" } = claimMappings?.uid ?? {};
  if (claim !== "") return stringClaim(claims, claim, `parse uid claim ${JSON.stringify(claim)}`);
  if (program === undefined) return "";
  const uid = evaluated("uid claim expression", () => evaluateClaims(program, value));
  if (typeof uid !== "string")
    throw new ClaimError(
      "oidc: error evaluating uid claim expression: uid claim expression must return a string",
    );
  return uid;
}

function extraOf(
  claims: Claims,
  value: unknown,
  { extra: mappings }: JwtExpressions,
): Record<string, readonly string[]> {
  const extra: Record<string, readonly string[]> = {};
  if (typeof claims.jti === "string" && claims.jti !== "")
    extra[extraKeys.credentialId] = [`JTI=${claims.jti}`];
  for (const { key, program } of mappings) {
    const what = `extra claim expression: ${program.expression}`;
    const values = stringList(
      evaluated("extra claim expression", () => evaluateClaims(program, value)),
      what,
    );
    if (values.length > 0) extra[key] = values;
  }
  return extra;
}

function checkClaims(
  claims: Claims,
  value: unknown,
  { claimValidationRules = [] }: JwtAuthenticatorConfiguration,
  rules: readonly CompiledRule[],
): void {
  for (const { claim = "", requiredValue = "" } of claimValidationRules) {
    if (claim === "") continue;
    if (!Object.hasOwn(claims, claim))
      throw new ClaimError(`oidc: required claim ${claim} not present in ID token`);
    const held = stringClaim(claims, claim, `parse claim ${claim}`);
    if (held !== requiredValue)
      throw new ClaimError(
        `oidc: required claim ${claim} value does not match. Got = ${held}, want = ${requiredValue}`,
      );
  }
  checkRules(rules, "claim validation expression", (program) => evaluateClaims(program, value));
}

function checkUser(user: UserInfo, rules: readonly CompiledRule[]): void {
  if (rules.length === 0) return;
  const shown = { uid: "", extra: {}, ...apiUserInfo(user) };
  checkRules(rules, "user info validation rule", (program) => evaluateUser(program, shown));
}

function checkRules(
  rules: readonly CompiledRule[],
  what: string,
  evaluate: (program: Program) => unknown,
): void {
  for (const { program, message } of rules) {
    if (evaluated(what, () => evaluate(program)) === true) continue;
    throw new ClaimError(
      `oidc: error evaluating ${what}: validation expression '${program.expression}' failed: ${message}`,
    );
  }
}

function evaluated(what: string, work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CelRuntimeError)) throw error;
    throw new ClaimError(`oidc: error evaluating ${what}: ${error.message}`);
  }
}

/** A string or a list of them; what is empty or null says nothing. */
function stringList(value: unknown, what: string): readonly string[] {
  if (value === null) return [];
  const list = typeof value === "string" ? [value] : value;
  if (!isStrings(list))
    throw new ClaimError(
      `oidc: error evaluating ${what}: expression must return a string or a list of strings`,
    );
  return list.filter((entry) => entry !== "");
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function stringClaim(claims: Claims, claim: string, what: string): string {
  if (!Object.hasOwn(claims, claim)) throw new ClaimError(`oidc: ${what}: claim not present`);
  const value = claims[claim];
  if (typeof value === "string") return value;
  throw new ClaimError(`oidc: ${what}: ${unmarshalError(value, "string")}`);
}

function unmarshalError(value: unknown, wanted: string): string {
  const got = Array.isArray(value) ? "array" : typeof value;
  return `json: cannot unmarshal ${got === "boolean" ? "bool" : got} into Go value of type ${wanted}`;
}
