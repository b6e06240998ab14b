import { exportedTypes, exportLevelOf, type ExportLevel, type OperationInteraction, type ResourceType } from '#smart';
import type { Answering } from '../answer/answering.js';
import { NotAnswered, notThere, wrongAnswer } from '../answer/not-answered.js';
import type { JobAnswer } from '../ask-upstream/export-job.js';
import { fhirError } from '../proxy/operation-outcome.js';
import type { JudgedCall } from '../proxy/read-call.js';
import type { ExportPlace } from './export-links.js';

/** Where an export is begun, below the base. */
export function pathOf(call: OperationInteraction): string {
  if (call.level === 'system') return '/$export';
  return call.level === 'type' ? `/${call.type}/$export` : `/${call.type}/${call.id}/$export`;
}

/** @throws NotAnswered for a level that no decision lets through */
export function levelOf({ interaction }: JudgedCall & { readonly interaction: OperationInteraction }): ExportLevel {
  const level = exportLevelOf(interaction);
  if (level === undefined) throw wrongAnswer('an export of another level');
  return level;
}

/** @throws NotAnswered for a call that was not opened from an address of ours */
export function placeOf({ export: place }: JudgedCall): ExportPlace {
  if (!place) throw notThere('no export is named');
  return place;
}

/** The types that the server is asked for; undefined where it may say which there are. */
export function typesAskedFor(
  call: JudgedCall & { readonly interaction: OperationInteraction },
  { sight: { scopes, reaches } }: Answering,
): readonly ResourceType[] | undefined {
  const types = exportedTypes(call.interaction.params, levelOf(call), scopes, reaches);
  return types === 'any' ? undefined : types;
}

/** 429: an application has as many exports at work as it may. */
export const tooMany = new NotAnswered(
  fhirError(429, 'throttled', 'Too many exports of this application are at work; end one, or wait.', {
    'Retry-After': '120',
  }),
  'too many exports at work',
);

/** 429: the server wants to be asked later. */
export function waitLonger(seconds = 60): NotAnswered {
  const headers = { 'Retry-After': String(Math.min(Math.ceil(seconds), 3_600)) };
  return new NotAnswered(
    fhirError(429, 'throttled', 'The FHIR server wants to be asked later.', headers),
    'asked too often',
  );
}

/** What a caller is told of an export that the server did not begin; nothing that it says itself of it. */
export function notBegun({ status, retryAfter }: JobAnswer): NotAnswered {
  if (status === 429) return waitLonger(retryAfter);
  const reason = `the upstream answered the request for an export with ${status}`;
  if ([400, 404, 405, 422, 501].includes(status))
    return new NotAnswered(fhirError(400, 'not-supported', 'The FHIR server does not begin this export.'), reason);
  return wrongAnswer(reason);
}
