import type { FhirInteraction, IdentityScope, Reaches, ResourceScope, Scope } from '#smart';

const withOwn = new WeakMap<readonly Scope[], Map<string, readonly Scope[]>>();

/**
 * The scopes with what `fhirUser` is where the user's own resource is read: `r` on exactly that one (SMART App Launch 2.2,
 * Scopes for requesting identity data). The same list for the same scopes and user.
 */
export function withOwnResource(
  granted: readonly Scope[],
  interaction: FhirInteraction,
  { own }: Reaches,
): readonly Scope[] {
  if (own === undefined || !isOfKindRead(interaction)) return granted;
  const { type, id } = own;
  if (interaction.type !== type || interaction.id !== id || !granted.some(isFhirUser)) return granted;
  let lists = withOwn.get(granted);
  if (!lists) withOwn.set(granted, (lists = new Map<string, readonly Scope[]>()));
  let list = lists.get(`${type}/${id}`);
  if (!list) {
    const params = [{ name: '_id', value: id }];
    // Of the context that no right of the user cuts: so much is every user's.
    const read: ResourceScope = {
      kind: 'resource',
      context: 'system',
      type,
      interactions: ['r'],
      params,
      syntax: 'v2',
    };
    lists.set(`${type}/${id}`, (list = [...granted, read]));
  }
  return list;
}

/** The scopes that allowed a call as the token has them. */
export function asGranted(allowed: readonly ResourceScope[], granted: readonly Scope[]): readonly Scope[] {
  return allowed.flatMap((it): readonly Scope[] => (granted.includes(it) ? [it] : granted.filter(isFhirUser)));
}

function isOfKindRead(
  interaction: FhirInteraction,
): interaction is Extract<FhirInteraction, { readonly kind: 'read' | 'vread' | 'history-instance' }> {
  return ['read', 'vread', 'history-instance'].includes(interaction.kind);
}

function isFhirUser(scope: Scope): scope is IdentityScope {
  return scope.kind === 'identity' && scope.name === 'fhirUser';
}
