import { randomUUID } from 'node:crypto';
import { bodyDigest, reactionCommandId, registration, type RegistrationCommand } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { UnclaimedConfig } from './unclaimed.config.js';

const NAME = 'unclaimed-clock';
const DAY_MS = 24 * 3_600_000;
/** At most so many in one look; the next look takes the rest. */
const AT_ONCE = 200;

/**
 * The end of open registrations that nobody claims. Every instance looks for what is due, in the table that the log's
 * events made, and sends the command with the time that it was due at. All send the same command under the same id, so it
 * does not matter who does, or how often; what a restart kept from being sent is found at the next look.
 */
@Injectable()
export class UnclaimedClock implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(
    private readonly config: UnclaimedConfig,
    private readonly database: Database,
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
    } catch (error) {
      this.log.warn('open registrations that nobody claimed could not be looked for; they will be, again', error);
    }
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
