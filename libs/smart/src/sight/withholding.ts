import { patientsNamedIn } from '../compartments/patient-compartment.js';
import { isObject, withContained, type FhirResource } from '../definitions/element-values.js';
import type { ResourceType } from '../definitions/r4.js';

/** A code of a system, as `system|code`. */
export type CodeText = string;

/**
 * What is withheld whatever the scopes say: resources that fit every part of a rule. A rule without any part would
 * withhold everything, and is none.
 */
export interface WithholdingRule {
  /** For the auditor. */
  readonly name: string;
  readonly types?: readonly ResourceType[];
  /** Of `meta.security`: one of them. */
  readonly security?: readonly CodeText[];
  /** Of any `code` or `category` of the resource: one of them. */
  readonly codes?: readonly CodeText[];
  /** Ids of patients: who opted out, and whose records few may see. */
  readonly patients?: readonly string[];
  /** Applications that were approved for one of these purposes (v3 PurposeOfUse) see it all the same. */
  readonly unlessPurpose?: readonly string[];
}

/** Elements that say what a resource is about, each a CodeableConcept, a list of them, or a choice of one. */
const CODED = ['code', 'category', 'vaccineCode', 'medicationCodeableConcept', 'type', 'class'];

/** The rules that hold for one application. Pure; asked for every resource that is judged. */
export class Withholding {
  readonly #rules: readonly WithholdingRule[];
  /** The names of all rules that hold. */
  readonly names: readonly string[];

  /** @param purposes what the application was approved for: codes of v3 PurposeOfUse */
  constructor(rules: readonly WithholdingRule[], purposes: readonly string[]) {
    this.#rules = rules.filter(({ unlessPurpose = [] }) => !unlessPurpose.some((it) => purposes.includes(it)));
    this.names = this.#rules.map(({ name }) => name);
  }

  /** Whether resources of a type are to be looked at one by one: whatever is withheld may be contained in any. */
  get concernsAny(): boolean {
    return this.#rules.length > 0;
  }

  /** Whether a resource is withheld, by itself or by what it contains: it leaves whole or not at all. */
  hides(resource: FhirResource, type: ResourceType, bases: readonly string[]): boolean {
    const parts = withContained(resource);
    return this.#rules.some((rule) => {
      if (!parts.some((part) => isMeant(rule, part, resource))) return false;
      const { patients } = rule;
      return !patients || patientsNamedIn(resource, type, bases).some((it) => patients.includes(it));
    });
  }
}

/** Whether a rule means a resource, or one that is contained in another: labels are then those of the other (R4, dom-5). */
function isMeant({ types, security, codes }: WithholdingRule, part: FhirResource, whole: FhirResource): boolean {
  if (types && !types.some((it) => it === part.resourceType)) return false;
  const labels = () => [part, whole].flatMap((it) => codingsIn(securityOf(it)));
  if (security && !labels().some((it) => security.includes(it))) return false;
  return !codes || CODED.flatMap((name) => codingsIn(part[name])).some((it) => codes.includes(it));
}

function securityOf({ meta }: FhirResource): unknown {
  return isObject(meta) ? meta['security'] : undefined;
}

/** Every coding in codings, CodeableConcepts and lists of them, as `system|code`. */
function codingsIn(value: unknown): readonly CodeText[] {
  if (Array.isArray(value)) return value.flatMap(codingsIn);
  if (!isObject(value)) return [];
  const { system, code, coding } = value;
  const own = typeof code === 'string' ? [`${typeof system === 'string' ? system : ''}|${code}`] : [];
  return [...own, ...codingsIn(coding)];
}
