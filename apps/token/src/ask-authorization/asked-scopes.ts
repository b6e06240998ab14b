import { intersect, parseScope, type ResourceScope, type Scope } from '#smart';

export type AskedScopes =
  | { readonly ok: true; readonly scopes: readonly Scope[] }
  | { readonly ok: false; readonly fault: string; readonly scope: string };

/**
 * What a user can be asked to agree to: what the application asked for and is approved now. Scopes of no meaning here
 * are passed over (RFC 6749, 3.3); one that starts as a SMART scope and is none is refused. `system/` is for backend
 * services, and nobody agrees to it.
 */
export function askedScopes(asked: string, approved: readonly string[]): AskedScopes {
  const scopes: Scope[] = [];
  for (const text of new Set(asked.split(' '))) {
    const parsed = parseScope(text);
    if (parsed.ok) scopes.push(parsed.scope);
    else if (/^(patient|user|system)\//.test(text))
      return { ok: false, scope: text, fault: `malformed: expected ${parsed.fault.expected}` };
  }
  const standing = approvedScopes(approved);
  const forUsers = scopes.filter((scope) => scope.kind !== 'resource' || scope.context !== 'system');
  const granted = intersect(forUsers, standing);
  return granted.length > 0
    ? { ok: true, scopes: granted }
    : { ok: false, scope: asked, fault: 'none of the scopes is approved for this application' };
}

/** What is approved, as scopes; what cannot be read approves nothing. */
export function approvedScopes(approved: readonly string[]): readonly Scope[] {
  return approved.flatMap((text) => {
    const parsed = parseScope(text);
    return parsed.ok ? [parsed.scope] : [];
  });
}

/** Whether one of the scopes has this name. */
export function names(scopes: readonly Scope[], name: string): boolean {
  return scopes.some((scope) => scope.kind !== 'resource' && scope.name === name);
}

/** The scopes that need a patient in context. */
export function patientScopes(scopes: readonly Scope[]): readonly ResourceScope[] {
  return scopes.filter((scope): scope is ResourceScope => scope.kind === 'resource' && scope.context === 'patient');
}
