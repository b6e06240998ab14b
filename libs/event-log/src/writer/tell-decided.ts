import type { ContextContract } from '#contracts';
import type { LogSettings } from '../kafka/log-connection.js';
import { alone } from '../sink/correlated.js';
import type { Answered } from './record-layout.js';

/**
 * Says of each command of a committed transaction what became of it, under its correlation id. What nobody of ours has sent is on
 * record elsewhere, and may claim any id.
 */
export function tellDecided<C extends ContextContract>(
  { sink, correlated = alone }: Pick<LogSettings, 'sink' | 'correlated'>,
  answers: readonly Answered<C>[],
): void {
  for (const { decided, outcome } of answers) {
    const { read, subject, failure } = decided;
    const { meta, type: commandType } = read.command;
    if (read.unauthentic !== undefined) continue;
    const about = { commandId: meta.id, commandType, aggregateId: subject };
    const reason = outcome.refusal === undefined ? {} : { reason: outcome.refusal.type };
    correlated(meta.correlationId, () => {
      if (failure === undefined) sink.debug({ ...about, outcome: outcome.status, ...reason }, 'decided');
      else sink.error({ err: failure.error, ...about }, 'a command could not be carried out');
    });
  }
}
