import { covers, parseScope, type ResourceScope, type Scope, type ScopeInteraction } from '#smart';

/** Calls of one kind that were let in: what was asked, and under which scopes. */
export interface UseRow {
  readonly interaction: string;
  readonly resourceType: string;
  /** The scopes that let it in, with spaces between them; empty where none was needed. */
  readonly scope: string;
  readonly calls: number;
  readonly lastUsedAt: Date;
}

/**
 * What would have become of a call: `kept` as it was; `narrowed`, let in by a scope that sees less of the type, so that
 * its answer may have held less; `denied`.
 */
export type Effect = 'kept' | 'narrowed' | 'denied';

/** Which permission an interaction needs (SMART App Launch 2.2, scopes); nothing for those that need none. */
const NEEDS: Readonly<Record<string, ScopeInteraction>> = {
  read: 'r',
  vread: 'r',
  'history-instance': 'r',
  'history-type': 's',
  'search-type': 's',
  create: 'c',
  update: 'u',
  patch: 'u',
  delete: 'd',
};

/** What narrower scopes would have made of calls of one kind. Pure. */
export function effectOn({ interaction, resourceType, scope }: UseRow, narrower: readonly Scope[]): Effect {
  const under = scope.split(' ').flatMap((text) => {
    const parsed = text === '' ? undefined : parseScope(text);
    return parsed?.ok === true && parsed.scope.kind === 'resource' ? [parsed.scope] : [];
  });
  const letter = NEEDS[interaction];
  // Nothing was needed then, and nothing is now.
  if (under.length === 0) return 'kept';
  const needed = under.map((by) => ({ ...by, ...(letter === undefined ? {} : asked(by, resourceType, letter)) }));
  if (needed.every((one) => covers(narrower, one))) return 'kept';
  return needed.some((one) => narrower.some((other) => meets(other, one))) ? 'narrowed' : 'denied';
}

/** Of the scope that let a call in, only what the call needed: a search of one type does not need the others. */
function asked(by: ResourceScope, resourceType: string, letter: ScopeInteraction): Partial<ResourceScope> {
  const parsed = parseScope(`${by.context}/${resourceType}.${letter}`);
  return parsed.ok && parsed.scope.kind === 'resource'
    ? { type: parsed.scope.type, interactions: parsed.scope.interactions }
    : {};
}

/** Whether a scope allows some of what another does. */
function meets(other: Scope, one: ResourceScope): boolean {
  return (
    other.kind === 'resource' &&
    other.context === one.context &&
    (other.type === '*' || one.type === '*' || other.type === one.type) &&
    one.interactions.some((interaction) => other.interactions.includes(interaction))
  );
}
