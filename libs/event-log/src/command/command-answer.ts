import type { Position, RecordedOutcome, Refusal } from '#contracts';
import { type CommandPlace, formatCommandPlace } from './command-place.js';

/** What became of a command, as far as is known. */
export type CommandAnswer =
  | {
      readonly status: 'succeeded';
      readonly commandId: string;
      readonly subject: string;
      readonly version: number;
      readonly position: Position;
      readonly resource: unknown;
      /** The command had been decided before; this is the answer it got. */
      readonly repeated: boolean;
    }
  | { readonly status: 'refused'; readonly commandId: string; readonly refusal: Refusal }
  | { readonly status: 'failed' | 'expired'; readonly commandId: string }
  /** `resourceId` names the command and where it stands, so that any instance can be asked what becomes of it. */
  | { readonly status: 'pending'; readonly commandId: string; readonly resourceId: string };

/** The answer while there is no outcome. */
export function pendingAnswer(place: CommandPlace): CommandAnswer & { readonly status: 'pending' } {
  return { status: 'pending', commandId: place.commandId, resourceId: formatCommandPlace(place) };
}

/**
 * The answer that an outcome gives.
 *
 * @param eventsTopic where the context's events stand, without prefix
 * @param partition   that of the outcome, which is the events' too
 */
export function answerOf({ outcome, subject }: RecordedOutcome, eventsTopic: string, partition: number): CommandAnswer {
  const { commandId, status, refusal, version, offset, resource } = outcome;
  if (status === 'refused' && refusal) return { status, commandId, refusal };
  if (status === 'succeeded' && version !== undefined && offset !== undefined) {
    const position = { topic: eventsTopic, partition, offset: BigInt(offset) };
    return { status, commandId, subject, version, position, resource, repeated: outcome.repeated === true };
  }
  return { status: status === 'expired' ? 'expired' : 'failed', commandId };
}
