import { extentOf, type ResourceType, type ScopeInteraction, type Sight } from '#smart';

/** Whether nothing of a type is hidden. */
export function seesAllOf(
  type: ResourceType,
  { scopes, reaches }: Sight,
  interaction: ScopeInteraction = 'r',
): boolean {
  return scopes.some((scope) => extentOf(scope, type, interaction, reaches) === 'whole');
}
