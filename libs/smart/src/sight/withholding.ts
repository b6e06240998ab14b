import { patientsNamedIn } from '../compartments/patient-compartment.js';
import { isObject, type FhirResource } from '../definitions/element-values.js';
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

  /** @param purposes what the application was approved for: codes of v3 PurposeOfUse */
  constructor(rules: readonly WithholdingRule[], purposes: readonly string[]) {
    this.#rules = rules.filter(({ unlessPurpose = [] }) => !unlessPurpose.some((it) => purposes.includes(it)));
  }

  /** The names of all rules that hold. */
  get names(): readonly string[] {
    return this.#rules.map(({ name }) => name);
  }

  /** The names of the rules by which something of a type may be withheld. */
  concerning(type: ResourceType): readonly string[] {
    return this.#rules.filter((rule) => mayFit(rule, type)).map(({ name }) => name);
  }

  /** Whether resources of a type are to be looked at one by one. */
  concerns(type: ResourceType): boolean {
    return this.#rules.some((rule) => mayFit(rule, type));
  }

  /** Whether a resource is withheld. */
  hides(resource: FhirResource, type: ResourceType, bases: readonly string[]): boolean {
    return this.#rules.some((rule) => fits(rule, resource, type, bases));
  }
}

function mayFit({ types }: WithholdingRule, type: ResourceType): boolean {
  return types?.includes(type) ?? true;
}

function fits(rule: WithholdingRule, resource: FhirResource, type: ResourceType, bases: readonly string[]): boolean {
  if (!mayFit(rule, type)) return false;
  const { security, codes, patients } = rule;
  if (security && !codingsIn(securityOf(resource)).some((it) => security.includes(it))) return false;
  if (codes && !CODED.flatMap((name) => codingsIn(resource[name])).some((it) => codes.includes(it))) return false;
  return !patients || patientsNamedIn(resource, type, bases).some((it) => patients.includes(it));
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
