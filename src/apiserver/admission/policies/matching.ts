import type {
  MatchResources,
  NamedRuleWithOperations,
} from "../../../api/admissionregistration/types.generated.ts";
import { type Labels, selectorMatches } from "../../../apimachinery/label-selector.ts";
import type { AdmissionAttributes } from "../../stages.ts";
import { ruleMatches } from "../webhooks/match.ts";

/** Which requests policies and bindings are for: pure. */
export interface MatchContext {
  /** Of the object's namespace; absent for what is in none. */
  readonly namespaceLabels: Labels | undefined;
  /** The versions the resource is served in. */
  readonly equivalents: readonly string[];
}

/** The version in which the request is wanted; undefined: it is not. No constraints want everything. */
export function matchedVersion(
  match: MatchResources | undefined,
  attributes: AdmissionAttributes,
  { namespaceLabels, equivalents }: MatchContext,
): string | undefined {
  const { version } = attributes.resource;
  if (match === undefined) return version;
  const { namespaceSelector, objectSelector, resourceRules, excludeResourceRules = [], matchPolicy } = match;
  if (
    namespaceSelector !== undefined &&
    namespaceLabels !== undefined &&
    !selectorMatches(namespaceSelector, namespaceLabels)
  )
    return undefined;
  if (objectSelector !== undefined && !objectSelected(objectSelector, attributes)) return undefined;
  const versions =
    matchPolicy === "Exact" ? [version] : [version, ...equivalents.filter((other) => other !== version)];
  if (versions.some((each) => excludeResourceRules.some((rule) => namedRuleMatches(rule, attributes, each))))
    return undefined;
  if (resourceRules === undefined || resourceRules.length === 0) return version;
  return versions.find((each) => resourceRules.some((rule) => namedRuleMatches(rule, attributes, each)));
}

function namedRuleMatches(
  rule: NamedRuleWithOperations,
  attributes: AdmissionAttributes,
  version: string,
): boolean {
  const names = rule.resourceNames ?? [];
  return (names.length === 0 || names.includes(attributes.name)) && ruleMatches(rule, attributes, version);
}

/** The new or the old object: a change cannot take an object out of a policy's sight. */
function objectSelected(
  selector: NonNullable<MatchResources["objectSelector"]>,
  { object, oldObject }: AdmissionAttributes,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return true;
  return [object, oldObject].some(
    (each) => each?.metadata !== undefined && selectorMatches(selector, each.metadata.labels),
  );
}
