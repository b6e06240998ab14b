import { parseScope, serialiseScope, type ResourceScope, type Scope } from '#smart';
import type { AllowedView, AskedView, ConsentView } from '../pages/view-models.js';

/** Code systems of the categories that US Core names, and the categories. */
const terminology = 'http://terminology.hl7.org/CodeSystem';
const usCore = 'http://hl7.org/fhir/us/core/CodeSystem';
const categories: Readonly<Record<string, readonly (readonly [system: string, code: string])[]>> = {
  Condition: [
    [`${terminology}/condition-category`, 'encounter-diagnosis'],
    [`${terminology}/condition-category`, 'problem-list-item'],
    [`${usCore}/condition-category`, 'health-concern'],
  ],
  Observation: [
    [`${terminology}/observation-category`, 'laboratory'],
    [`${terminology}/observation-category`, 'vital-signs'],
    [`${terminology}/observation-category`, 'social-history'],
    [`${terminology}/observation-category`, 'survey'],
    // Clinical tests (HTI-1): in US Core 4 and 5 a category of their own, from US Core 6 on among procedures. Both are offered,
    // since what stands in the record is of any version.
    [`${terminology}/observation-category`, 'procedure'],
    [`${usCore}/us-core-observation-category`, 'clinical-test'],
    [`${usCore}/us-core-category`, 'sdoh'],
  ],
};

/** What is shown of the scopes that a user is asked about (SMART App Launch 2.2, 3.0.2). */
export function askedViews(scopes: readonly Scope[]): Pick<ConsentView, 'asked' | 'identity'> {
  return {
    asked: scopes.flatMap((scope) => (scope.kind === 'resource' && scope.context !== 'system' ? [viewOf(scope)] : [])),
    identity: scopes.flatMap((scope) => (scope.kind === 'identity' ? [scope.name] : [])),
  };
}

/** What was agreed to, out of what was asked: whole, or some of its parts. Nothing that was not offered counts. */
export function agreedScopes(scopes: readonly Scope[], chosen: readonly string[], offline: boolean): readonly string[] {
  const { asked, identity } = askedViews(scopes);
  const resources = asked.flatMap(({ scope, parts }) =>
    chosen.includes(scope) ? [scope] : parts.filter((part) => chosen.includes(part.scope)).map((part) => part.scope),
  );
  const known = identity.filter((scope) => chosen.includes(scope));
  // Who the user is cannot be told without an id_token.
  const who = known.includes('openid') ? known : [];
  const context = scopes.flatMap((scope) => (scope.kind === 'launch' ? [scope.name] : []));
  const lasting = scopes.flatMap((scope) =>
    scope.kind === 'duration' && (scope.name === 'online_access' || offline) ? [scope.name] : [],
  );
  return resources.length + who.length === 0 ? [] : [...context, ...who, ...resources, ...lasting];
}

function viewOf(scope: ResourceScope): AskedView {
  return {
    scope: serialiseScope(scope),
    type: scope.type,
    context: scope.context === 'user' ? 'user' : 'patient',
    reads: scope.interactions.some((it) => it === 'r' || it === 's'),
    changes: scope.interactions.some((it) => it !== 'r' && it !== 's'),
    parts: scope.params.length > 0 ? [] : partsOf(scope),
  };
}

function partsOf(scope: ResourceScope): AskedView['parts'] {
  return (categories[scope.type] ?? []).map(([system, code]) => {
    const part: ResourceScope = { ...scope, syntax: 'v2', params: [{ name: 'category', value: `${system}|${code}` }] };
    return { scope: serialiseScope(part), category: code };
  });
}

/** The kinds of data that scopes let an application at, as a list of what was agreed to shows them: each once. */
export function allowedBy(scopes: readonly string[]): readonly AllowedView[] {
  const views = scopes.flatMap((text) => {
    const parsed = parseScope(text);
    return parsed.ok && parsed.scope.kind === 'resource' ? [viewOf(parsed.scope)] : [];
  });
  return [...Map.groupBy(views, ({ type }) => type)].map(([type, of]) => ({
    type,
    reads: of.some(({ reads }) => reads),
    changes: of.some(({ changes }) => changes),
  }));
}
