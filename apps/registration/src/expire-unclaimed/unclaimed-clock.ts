import { randomUUID } from 'node:crypto';
import { bodyDigest, reactionCommandId, registration, type RegistrationCommand } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log } from '#host';
import { VaultErasures } from '#vault';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { UnclaimedConfig } from './unclaimed.config.js';

const NAME = 'unclaimed-clock';
const DAY_MS = 24 * 3_600_000;
/** At most so many in one look; the next look takes the rest. */
const AT_ONCE = 200;
/** Ends of so long ago are looked at again: the table may have lagged behind the log. */
const LAG_MS = 3_600_000;

/**
 * The end of open registrations that nobody claims. Every instance looks for what is due, in the table that the log's
 * events made, and sends the command with the time that it was due at. All send the same command under the same id, so it
 * does not matter who does, or how often; what a restart kept from being sent is found at the next look.
 *
 * Whoever registered had an id of their own, which is nobody's: what was sealed for it (contacts) is erased with the end.
 */
@Injectable()
export class UnclaimedClock implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  /** Ends before it were erased; a process begins with all that ever were, so that none is forgotten. */
  private erasedBefore = new Date(0);

  constructor(
    private readonly config: UnclaimedConfig,
    private readonly database: Database,
    private readonly erasures: VaultErasures,
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => (this.looking = undefined));
    }, this.config.clockSeconds * 1_000);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async look(): Promise<void> {
    try {
      const waits = this.config.days * DAY_MS;
      // By our own clock, which also dates the command: the decider never sees a timer that came early.
      const due = await this.database.query<{ readonly id: string; readonly created_at: string }>(
        `SELECT id, state->>'createdAt' AS created_at FROM projection.applications
         WHERE status = 'draft' AND state->'unclaimed' = 'true' AND (state->>'createdAt')::timestamptz <= $1
         ORDER BY id LIMIT $2`,
        [new Date(Date.now() - waits), AT_ONCE],
      );
      await Promise.all(
        due.map(({ id, created_at: createdAt }) => this.expire(id, new Date(Date.parse(createdAt) + waits))),
      );
      await this.eraseEnded();
    } catch (error) {
      this.log.warn('open registrations that nobody claimed could not be looked for; they will be, again', error);
    }
  }

  /** By the events alone: one that was claimed meanwhile has not ended, and its contacts stay. */
  private async eraseEnded(): Promise<void> {
    const next = new Date(Date.now() - LAG_MS);
    const ended = await this.database.query<{ readonly id: string; readonly at: string }>(
      `SELECT state->>'ownerId' AS id, state->'closed'->>'at' AS at FROM projection.applications
       WHERE status = 'expired' AND state->'unclaimed' = 'true' AND (state->'closed'->>'at')::timestamptz >= $1`,
      [this.erasedBefore],
    );
    if (ended.length > 0) await this.erasures.apply(ended);
    this.erasedBefore = next;
  }

  private async expire(subject: string, dueAt: Date): Promise<void> {
    const command: RegistrationCommand = { type: 'expire-registration', data: { dueAt: dueAt.toISOString() } };
    const digest = bodyDigest(command.data);
    const answer = await this.commands.send({
      ...command,
      subject,
      id: reactionCommandId(NAME, `${subject} ${digest}`),
      actor: `system:${NAME}`,
      correlationId: randomUUID(),
      bodyDigest: digest,
    });
    if (answer.status === 'refused') this.log.warn('a timer was refused', undefined, { reason: answer.refusal.type });
  }
}
