import { searchParameterOf, type ResourceType } from '../definitions/r4.js';
import { canMatch } from '../sight/match-parameter.js';
import type { QueryParameter } from './interaction.js';

/** What a condition of a write says, or why it is not one that can be resolved here. */
export type Condition =
  { readonly ok: true; readonly params: readonly QueryParameter[] } | { readonly ok: false; readonly reason: string };

/** They say something of the answer, and nothing of what is meant. */
const controls: ReadonlySet<string> = new Set(['_format', '_pretty']);

/**
 * The condition of a conditional write (R4, RESTful API, 3.1.0.7.1). A server that drops a parameter would find another
 * resource than the one that is meant, so that only what can be told from a resource itself is taken: tokens,
 * references and URIs, without modifiers, chains or parameters about the answer.
 */
export function understandCondition(type: ResourceType, params: readonly QueryParameter[]): Condition {
  const condition = params.filter(({ name }) => !controls.has(name));
  if (condition.length === 0) return { ok: false, reason: 'a conditional write needs a condition' };
  for (const param of condition) {
    const { name, value } = param;
    if (!searchParameterOf(type, name)) return { ok: false, reason: `${name} is no condition on ${type}` };
    if (!canMatch(type, param)) return { ok: false, reason: `a condition by ${name} cannot be checked here` };
    if (value.split(',').some((it) => it.trim() === '')) return { ok: false, reason: `${name} has an empty value` };
  }
  return { ok: true, params: condition };
}
