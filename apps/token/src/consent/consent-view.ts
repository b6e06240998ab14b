import { explainScope, parseScope, serialiseScope, type ResourceScope, type Scope } from '#smart';
import type { AskedView, ConsentView } from '../pages/view-models.js';

/** Code systems of the categories that US Core names, and the categories with what they are called. */
const terminology = 'http://terminology.hl7.org/CodeSystem';
const usCore = 'http://hl7.org/fhir/us/core/CodeSystem';
const categories: Readonly<Record<string, readonly (readonly [system: string, code: string, label: string])[]>> = {
  Condition: [
    [`${terminology}/condition-category`, 'encounter-diagnosis', 'Diagnoses made at visits'],
    [`${terminology}/condition-category`, 'problem-list-item', 'The problem list'],
    [`${usCore}/condition-category`, 'health-concern', 'Health concerns'],
  ],
  Observation: [
    [`${terminology}/observation-category`, 'laboratory', 'Laboratory results'],
    [`${terminology}/observation-category`, 'vital-signs', 'Vital signs'],
    [`${terminology}/observation-category`, 'social-history', 'Social history'],
    [`${terminology}/observation-category`, 'survey', 'Answers to surveys'],
    [`${terminology}/observation-category`, 'procedure', 'Results of procedures'],
    [`${usCore}/us-core-category`, 'sdoh', 'Living conditions'],
  ],
};

/** What is shown of the scopes that a user is asked about (SMART App Launch 2.2, 3.0.2). */
export function askedViews(scopes: readonly Scope[]): Pick<ConsentView, 'asked' | 'identity'> {
  return {
    asked: scopes.flatMap((scope) => (scope.kind === 'resource' && scope.context !== 'system' ? [viewOf(scope)] : [])),
    identity: scopes.flatMap((scope) =>
      scope.kind === 'identity' ? [{ scope: scope.name, explanation: explainScope(scope) }] : [],
    ),
  };
}

/** What was agreed to, out of what was asked: whole, or some of its parts. Nothing that was not offered counts. */
export function agreedScopes(scopes: readonly Scope[], chosen: readonly string[], offline: boolean): readonly string[] {
  const { asked, identity } = askedViews(scopes);
  const resources = asked.flatMap(({ scope, parts }) =>
    chosen.includes(scope) ? [scope] : parts.filter((part) => chosen.includes(part.scope)).map((part) => part.scope),
  );
  const known = identity.map(({ scope }) => scope).filter((scope) => chosen.includes(scope));
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
    explanation: explainScope(scope),
    reads: scope.interactions.some((it) => it === 'r' || it === 's'),
    changes: scope.interactions.some((it) => it !== 'r' && it !== 's'),
    parts: scope.params.length > 0 ? [] : partsOf(scope),
  };
}

function partsOf(scope: ResourceScope): AskedView['parts'] {
  return (categories[scope.type] ?? []).map(([system, code, label]) => {
    const part: ResourceScope = { ...scope, syntax: 'v2', params: [{ name: 'category', value: `${system}|${code}` }] };
    return { scope: serialiseScope(part), label };
  });
}

/** A scope in plain words, as a list of what was agreed to shows it; what is no scope stands for itself. */
export function explained(text: string): string {
  const parsed = parseScope(text);
  return parsed.ok ? explainScope(parsed.scope) : text;
}
