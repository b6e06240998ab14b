import { intersect, parseScope, parseScopeList, serialiseScope } from '#smart';

export type GrantedScopes =
  { readonly ok: true; readonly scopes: readonly string[] } | { readonly ok: false; readonly fault: string };

/**
 * What a backend service gets: what it asked for and what is approved now, `system/` alone (SMART App Launch 2.2,
 * Backend Services). A scope in other words than asked is a narrower one.
 */
export function grantScopes(asked: string | undefined, approved: readonly string[]): GrantedScopes {
  if (asked === undefined || asked === '') return { ok: false, fault: 'scope is required' };
  const parsed = parseScopeList(asked);
  if (!parsed.ok) {
    const [first] = parsed.faults;
    return {
      ok: false,
      fault: `scope ${(first?.index ?? 0) + 1} is malformed: expected ${first?.expected ?? 'a scope'}`,
    };
  }
  const standing = approved.flatMap((text) => {
    const scope = parseScope(text);
    return scope.ok ? [scope.scope] : [];
  });
  const forItself = parsed.scopes.filter((scope) => scope.kind === 'resource' && scope.context === 'system');
  const granted = [...new Set(intersect(forItself, standing).map(serialiseScope))];
  return granted.length > 0
    ? { ok: true, scopes: granted }
    : { ok: false, fault: 'none of the scopes is approved for this application' };
}
