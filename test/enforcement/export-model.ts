import {
  isOfPatient,
  isOfPatients,
  isShared,
  mayAsk,
  maySeeAll,
  type ModelResource,
  type ModelToken,
  sees,
} from './model.js';

/** An export, said once more as Bulk Data Access 2.0 and docs/adr/0043 say it. */
export interface ModelExport {
  readonly level: 'system' | 'patient' | 'group';
  /** `_type`; all that there are without. */
  readonly types?: readonly string[];
}

/** The group of which records are exported. */
export const GROUP = 'g';

/** The scopes of a token that count for an export. */
function backendOf(token: ModelToken): ModelToken {
  return { ...token, scopes: token.scopes.filter(({ context }) => context === 'system') };
}

/** The types that an export gives: `any` where the server may say which there are. Undefined where it is refused. */
export function typesOf(token: ModelToken, { level, types }: ModelExport): readonly string[] | 'any' | undefined {
  const own = backendOf(token);
  if (level === 'group' && !mayAsk(own, 'Group', 'r')) return undefined;
  const gives = (type: string) => mayAsk(own, type, 's') && isExportable(own, type, level);
  if (types) return types.every(gives) ? [...new Set(types)] : undefined;
  const searching = own.scopes.filter(({ letters }) => letters.includes('s'));
  const reachesAll = searching.some(({ type, conditions }) => type === '*' && conditions.length === 0);
  if (reachesAll && !token.withheld && !token.admitted) return 'any';
  const named = [...new Set(searching.map(({ type }) => type))].filter((type) => type !== '*' && gives(type));
  return named.length === 0 ? undefined : named;
}

/** Whether lines of a type can be judged by themselves at a level. */
export function isExportable(token: ModelToken, type: string, level: ModelExport['level']): boolean {
  if (type === 'Binary') return false;
  if (type === 'Provenance') return level === 'system' && maySeeAll(backendOf(token), type, 's');
  return level === 'system' || isOfPatients(type) || isShared(type);
}

/** Whether nothing of a type is kept back: then each of the server's files is one. */
export function isWhole(token: ModelToken, type: string, level: ModelExport['level']): boolean {
  return level === 'system' && maySeeAll(backendOf(token), type, 's');
}

/** Whether the token sees the group whose members' records are exported. */
export function seesGroup(token: ModelToken, all: readonly ModelResource[]): boolean {
  const group = all.find(({ resourceType, id }) => resourceType === 'Group' && id === GROUP);
  return group !== undefined && sees(backendOf(token), group, 'r', all);
}

/** Whether a resource is a line of an export that is allowed. */
export function isLine(
  token: ModelToken,
  { level }: ModelExport,
  resource: ModelResource,
  all: readonly ModelResource[],
): boolean {
  if (!sees(backendOf(token), resource, 's', all)) return false;
  if (level === 'system' || isShared(resource.resourceType)) return true;
  const named = [
    resource.id,
    ...[...JSON.stringify(resource).matchAll(/"Patient\/([^"]+)"/g)].map(([, id = '']) => id),
  ];
  const members = level === 'patient' ? named : membersOf(all);
  return named.some((patient) => members.includes(patient) && isOfPatient(resource, patient));
}

/** Who is in the group now. */
function membersOf(all: readonly ModelResource[]): readonly string[] {
  const group = all.find(({ resourceType, id }) => resourceType === 'Group' && id === GROUP);
  const members = (group?.['member'] ?? []) as readonly {
    readonly entity: { readonly reference: string };
    readonly inactive?: boolean;
    readonly period?: { readonly end: string };
  }[];
  return members
    .filter(({ inactive, period }) => inactive !== true && period === undefined)
    .map(({ entity: { reference } }) => reference.slice('Patient/'.length));
}
