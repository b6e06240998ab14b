import type { Reach } from '#smart';
import type { ActingUser, UserRights } from './user-rights.js';

/** What a rule may say of the users of one type: they see everybody, or the patient of the token. */
export type RightsRule = 'everybody' | 'patient-in-context';

/** Nobody says whose data a user may see. */
export const unanswered: Reach = { kind: 'nobody', why: 'Nobody says what this user may see.' };

/**
 * Rights by the type of the user's own resource. A Patient sees the own record, whatever is configured; users of a type
 * without a rule, and users whom the token does not name, see nothing.
 */
export class ConfiguredRights implements UserRights {
  readonly by = 'rules';

  constructor(private readonly rules: ReadonlyMap<string, RightsRule>) {}

  reachOf({ resource, patient }: ActingUser): Reach {
    if (resource?.type === 'Patient') return { kind: 'patient', id: resource.id };
    switch (resource && this.rules.get(resource.type)) {
      case 'everybody':
        return { kind: 'everybody' };
      case 'patient-in-context':
        return patient === undefined ? unanswered : { kind: 'patient', id: patient };
      default:
        return unanswered;
    }
  }
}

/** Reads `Practitioner:everybody`; undefined when it is no rule. */
export function readRightsRule(text: string): readonly [string, RightsRule] | undefined {
  const [type = '', rule, ...more] = text.split(':');
  if (!/^(Practitioner|PractitionerRole|RelatedPerson|Person)$/.test(type) || more.length > 0) return undefined;
  return rule === 'everybody' || rule === 'patient-in-context' ? [type, rule] : undefined;
}
