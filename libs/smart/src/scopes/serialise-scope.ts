import type { ResourceScope, Scope, ScopeInteraction } from './scope.js';

/**
 * The scope as text, in the syntax in which it was asked. `parseScope` reads it back to an equal scope.
 * A v1 scope whose interactions v1 has no word for (see `intersect`, which never makes one) is written in v2.
 */
export function serialiseScope(scope: Scope): string {
  if (scope.kind !== 'resource') return scope.name;
  return `${scope.context}/${scope.type}.${permissionOf(scope)}${queryOf(scope)}`;
}

/** Scopes as one `scope` value, with a space between them (RFC 6749, 3.3). */
export function serialiseScopes(scopes: readonly Scope[]): string {
  return scopes.map(serialiseScope).join(' ');
}

function permissionOf(scope: ResourceScope): string {
  const inV1 = scope.syntax === 'v1' && scope.params.length === 0 ? v1Word(scope.interactions) : undefined;
  return inV1 ?? scope.interactions.join('');
}

/** v1's word for exactly these interactions, if it has one. */
export function v1Word(interactions: readonly ScopeInteraction[]): 'read' | 'write' | '*' | undefined {
  switch (interactions.join('')) {
    case 'rs':
      return 'read';
    case 'cud':
      return 'write';
    case 'cruds':
      return '*';
    default:
      return undefined;
  }
}

function queryOf(scope: ResourceScope): string {
  if (scope.params.length === 0) return '';
  return `?${scope.params.map(({ name, value }) => `${name}=${encodeValue(value)}`).join('&')}`;
}

/** Encodes what a scope may not contain (RFC 6749, 3.3) or would misread; `|`, `:`, `/` and `,` stay readable. */
function encodeValue(value: string): string {
  return encodeURIComponent(value).replace(/%(7C|3A|2F|2C|24|40|3B)/g, (encoded) => decodeURIComponent(encoded));
}
