import { randomUUID } from 'node:crypto';
import { bodyDigest, reactionCommandId, type CommandOf, type ContextContract } from '#contracts';
import type { CommandPort } from '#event-log';
import type { Log } from '../logging/log.js';

/** A command whose time has come: of which aggregate, and with the time that it was due at in its data. */
export type DueCommand<C extends ContextContract> = CommandOf<C> & { readonly subject: string };

/**
 * Sends what is due. All instances send the same command under the same id, so it does not matter who does, or how often; what
 * a restart kept from being sent is found at the next look.
 *
 * @param clock the name that stands in the log as `system:` and this
 * @throws NotAppended
 */
export async function sendDue<C extends ContextContract>(
  clock: string,
  commands: CommandPort<C>,
  due: readonly DueCommand<C>[],
  log: Log,
): Promise<void> {
  await Promise.all(
    due.map(async (command) => {
      const digest = bodyDigest(command.data);
      const answer = await commands.send({
        ...command,
        id: reactionCommandId(clock, `${command.subject} ${command.type} ${digest}`),
        actor: `system:${clock}`,
        correlationId: randomUUID(),
        bodyDigest: digest,
      });
      if (answer.status === 'refused') log.warn('a timer was refused', undefined, { reason: answer.refusal.type });
    }),
  );
}
