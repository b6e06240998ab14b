import { membershipOf } from '../compartments/patient-compartment.js';
import { allResourceTypes, isResourceType, type ResourceType } from '../definitions/r4.js';
import type { ResourceScope, Scope } from '../scopes/scope.js';
import { extentOf, isCarrier, type Reaches } from '../sight/sight.js';
import { decide, type Decision, notEnforced } from './decide-needs.js';
import type { OperationInteraction, QueryParameter } from './interaction.js';
import type { Need } from './understand-search.js';

/** Where an export starts: all data, all patients', or a group's (Bulk Data Access 2.0, Kick-off Request). */
export type ExportLevel = 'system' | 'patient' | 'group';

const names: ReadonlySet<string> = new Set(['export', 'export-status', 'export-file']);
const formats = ['application/fhir+ndjson', 'application/ndjson', 'ndjson'];
const isInstant = (value: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+ -]\d\d:\d\d)$/.test(value);

const parameters: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['_outputFormat', (value: string) => formats.includes(value)],
  ['_since', isInstant],
  ['_type', (value: string) => value.split(',').every(isResourceType)],
]);

/** Whether a call begins an export, asks how it stands, ends it, or fetches a file of it. */
export function isExport({ name }: Pick<OperationInteraction, 'name'>): boolean {
  return names.has(name);
}

/** The level of an export; undefined for a form that is none. */
export function exportLevelOf(call: OperationInteraction): ExportLevel | undefined {
  if (call.level === 'system') return 'system';
  if (call.level === 'type') return call.type === 'Patient' ? 'patient' : undefined;
  return call.type === 'Group' ? 'group' : undefined;
}

/**
 * The types that an export gives under `system/` scopes: those asked for, else those that the scopes name. `any` where a
 * scope reaches all types whole, so that the FHIR server may say which there are.
 */
export function exportedTypes(
  params: readonly QueryParameter[],
  level: ExportLevel,
  scopes: readonly Scope[],
  reaches: Reaches,
): readonly ResourceType[] | 'any' {
  const asked = params.find(({ name }) => name === '_type')?.value;
  if (asked !== undefined) return [...new Set(asked.split(','))].filter(isResourceType);
  const own = systemScopes(scopes).filter(({ interactions }) => interactions.includes('s'));
  if (
    own.some(({ type, params: conditions }) => type === '*' && conditions.length === 0) &&
    !reaches.withheld &&
    !reaches.asked
  )
    return 'any';
  return allResourceTypes.filter(
    (type) => own.some((scope) => scope.type === type) && exportExtent(type, level, own, reaches) !== undefined,
  );
}

/**
 * How far an export may show a type: `whole`, or a `part` whose lines are judged one by one, each by what it says itself, and by what those say who are asked about it.
 * Undefined for what cannot be judged so (what belongs to something else), or is about no patient where a patient's
 * record is exported.
 */
export function exportExtent(
  type: ResourceType,
  level: ExportLevel,
  scopes: readonly Scope[],
  reaches: Reaches,
): 'whole' | 'part' | undefined {
  if (type === 'Binary' || isCarrier(type)) return undefined;
  const { kind } = membershipOf(type);
  if (level !== 'system' && (kind === 'linked' || kind === 'outside')) return undefined;
  const extents = systemScopes(scopes).map((scope) => extentOf(scope, type, 's', reaches));
  if (extents.includes('whole')) return level === 'system' ? 'whole' : 'part';
  return extents.includes('part') && kind !== 'linked' ? 'part' : undefined;
}

/**
 * Decides a call of an export: `system/` scopes alone count, for every type that it gives. What was begun is decided anew
 * at each look at it and at each file.
 */
export function decideExport(scopes: readonly Scope[], call: OperationInteraction, reaches: Reaches): Decision {
  const level = exportLevelOf(call);
  if (level === undefined) return notEnforced('$export is called on the system, on Patient, or on a Group');
  if (call.via === 'post') return notEnforced('$export is called by GET');
  const fault = faultOf(call.params);
  if (fault !== undefined) return notEnforced(fault);
  const own = systemScopes(scopes);
  const types = exportedTypes(call.params, level, own, reaches);
  const group: readonly Need[] = level === 'group' ? [{ type: 'Group', interaction: 'r' }] : [];
  if (types === 'any') {
    const decision = decide(own, { ok: true, needs: [...group, { type: 'Patient', interaction: 's' }] }, reaches);
    return decision.outcome === 'allow' ? { ...decision, whole: false } : decision;
  }
  if (types.length === 0)
    return own.some(({ interactions }) => interactions.includes('s'))
      ? notEnforced('an export of all types, of which some is withheld, must name them: _type')
      : decide(own, { ok: true, needs: [...group, { type: 'Patient', interaction: 's' }] }, reaches);
  const decision = decide(own, { ok: true, needs: [...group, ...types.map(found)] }, reaches);
  if (decision.outcome === 'deny') return decision;
  const unproven = types.find((type) => exportExtent(type, level, own, reaches) === undefined);
  return unproven === undefined
    ? { ...decision, whole: false }
    : notEnforced(`lines of ${unproven} cannot be judged by themselves in this export: leave it out of _type`);
}

function found(type: ResourceType): Need {
  return { type, interaction: 's' };
}

/** The scopes that count for an export. */
export function systemScopes(scopes: readonly Scope[]): readonly ResourceScope[] {
  return scopes.filter((scope): scope is ResourceScope => scope.kind === 'resource' && scope.context === 'system');
}

function faultOf(params: readonly QueryParameter[]): string | undefined {
  const given = params.map(({ name }) => name);
  const repeated = given.find((name, at) => given.indexOf(name) !== at);
  if (repeated !== undefined) return `the parameter ${repeated} stands more than once`;
  const other = params.find(({ name, value }) => parameters.get(name)?.(value) !== true);
  return other && `the parameter ${other.name} is not understood in an export`;
}
