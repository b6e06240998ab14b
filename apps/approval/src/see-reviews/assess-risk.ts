import { parseScope, type ResourceScope } from '#smart';

/** How far an access reaches, and why, for the reviewer who orders a queue by it. */
export interface Risk {
  readonly level: 'ordinary' | 'elevated' | 'high';
  readonly because: readonly string[];
}

interface Sign {
  readonly level: 'elevated' | 'high';
  readonly because: string;
  readonly shows: (scopes: readonly ResourceScope[], names: readonly string[]) => boolean;
}

const signs: readonly Sign[] = [
  {
    level: 'high',
    because: 'reaches every patient with no user present',
    shows: (all) => all.some((it) => it.context === 'system'),
  },
  {
    level: 'high',
    because: 'changes data',
    shows: (all) => all.some((it) => it.interactions.some((one) => 'cud'.includes(one))),
  },
  {
    level: 'elevated',
    because: 'can reach many patients through its user',
    shows: (all) => all.some((it) => it.context === 'user'),
  },
  {
    level: 'elevated',
    because: 'reaches data of every kind, now and in future',
    shows: (all) => all.some((it) => it.type === '*'),
  },
  {
    level: 'elevated',
    because: 'goes on when the user has left',
    shows: (_, names) => names.includes('offline_access'),
  },
];

/** The risk of scopes as they were asked for, by the same objective signs for every application. */
export function assessRisk(scopes: readonly string[]): Risk {
  const resources = scopes.flatMap((text) => {
    const parsed = parseScope(text);
    return parsed.ok && parsed.scope.kind === 'resource' ? [parsed.scope] : [];
  });
  const shown = signs.filter((sign) => sign.shows(resources, scopes));
  const high = shown.some(({ level }) => level === 'high');
  return {
    level: high ? 'high' : shown.length > 0 ? 'elevated' : 'ordinary',
    because: shown.map(({ because }) => because),
  };
}
