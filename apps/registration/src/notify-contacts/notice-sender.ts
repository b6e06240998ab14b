import { createHash } from 'node:crypto';
import { BaseConfig, Database, isDatabaseUnavailable, Log, Metrics, RegularLook, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Counter } from 'prom-client';
import type { CredentialNotice } from '../domain/credential-notice.js';
import { contactNotice, type ContactNotice } from './contact-notice.js';
import { NoticeConfig } from './notice.config.js';
import { textOf } from './notice-text.js';

const LOOK_EVERY_MS = 1_000;
const AT_ONCE = 20;
/** While one instance sends, no other takes the notice up; one that died is followed after so long. */
const CLAIM_SECONDS = 300;
/** Tries are 5 s apart at first, then twice as long each, at most 30 minutes. */
const FIRST_WAIT_SECONDS = 5;
const LONGEST_WAIT_SECONDS = 1_800;
const TRY_FOR_HOURS = 24;

/** What became of a notice. `no-recipient`: the application has no contacts, or the vault has none of them any more. */
const noticeEnds = ['delivered', 'given-up', 'no-recipient'] as const;
type NoticeEnd = (typeof noticeEnds)[number];

interface Due {
  readonly id: string;
  readonly notice: CredentialNotice;
  readonly attempts: number;
  readonly reached: readonly string[];
  readonly late: boolean;
  readonly name: string;
}

/**
 * Sends what the projection says contacts must be told: at least once to each, by any instance, for a day. What nobody
 * could be told by then is an error in the log and counted, never silent; so is, as a warning, a notice whose contacts the vault has not
 * any more.
 */
@Injectable()
export class NoticeSender implements OnModuleInit, OnModuleDestroy {
  private readonly port: ContactNotice;
  private readonly ended: Counter<'result'>;
  private readonly regular: RegularLook;
  private stopping = false;

  constructor(
    config: NoticeConfig,
    private readonly base: BaseConfig,
    private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.port = contactNotice(config, base);
    this.ended = new Counter({
      name: 'gatehouse_contact_notices_total',
      help: 'Notices to contacts that were delivered to each of them, given up after a day, or had nobody to be sent to.',
      labelNames: ['result'] as const,
      registers: [metrics.registry],
    });
    // Prometheus sees no increase from nothing to one.
    for (const result of noticeEnds) this.ended.inc({ result }, 0);
    this.regular = new RegularLook(
      LOOK_EVERY_MS,
      () => this.look(),
      (error) => {
        // While Postgres is away readiness says so; a line every second would bury it.
        if (!isDatabaseUnavailable(error))
          log.warn('notices to contacts could not be looked at; they will be, again', error);
      },
    );
    if (config.smtpUrl === undefined && !base.development)
      log.warn('SMTP_URL is not set: nobody can be told of new keys and secrets');
  }

  onModuleInit(): void {
    void this.database.ready().then(() => {
      if (!this.stopping) this.regular.start();
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await this.regular.stop();
    this.port.close();
  }

  private async look(): Promise<void> {
    for (const due of await this.claim()) {
      if (this.stopping) return;
      await this.deliver(due);
    }
  }

  /** Takes up what is due, so that no other instance does; a claim that nobody ends falls due again. */
  private claim(): Promise<readonly Due[]> {
    return this.database.query<Due>(
      `WITH due AS (
         (SELECT n.id, n.notice, n.time FROM projection.application_notices n
          WHERE n.time > now() - make_interval(hours => $2)
            AND NOT EXISTS (SELECT 1 FROM protocol.notice_deliveries d WHERE d.notice_id = n.id)
          ORDER BY n.time LIMIT $1)
         UNION ALL
         (SELECT n.id, n.notice, n.time FROM protocol.notice_deliveries d
          JOIN projection.application_notices n ON n.id = d.notice_id
          WHERE d.ended IS NULL AND d.next_at <= now() ORDER BY d.next_at LIMIT $1)
       ), claimed AS (
         INSERT INTO protocol.notice_deliveries AS d (notice_id, attempts, next_at)
         SELECT id, 1, now() + make_interval(secs => $3) FROM due
         ON CONFLICT (notice_id) DO UPDATE SET attempts = d.attempts + 1, next_at = excluded.next_at
           WHERE d.ended IS NULL AND d.next_at <= now()
         RETURNING notice_id, attempts, reached
       )
       SELECT due.id, due.notice, claimed.attempts, claimed.reached, a.view->>'name' AS name,
              due.time < now() - make_interval(hours => $2) AS late
       FROM claimed JOIN due ON due.id = claimed.notice_id
       JOIN projection.applications a ON a.id = (due.notice->>'applicationId')::uuid`,
      [AT_ONCE, TRY_FOR_HOURS, CLAIM_SECONDS],
    );
  }

  private async deliver({ id, notice, attempts, reached, late, name }: Due): Promise<void> {
    const done = new Set(reached);
    let failure: unknown;
    try {
      const code = notice.sealedCode === undefined ? undefined : await this.vault.open(notice.sealedCode);
      const contacts = await this.vault.openAll(notice.recipients.map((it) => it.contacts));
      for (const recipient of notice.recipients) {
        const shown = recipient.mayConfirm && typeof code === 'string' ? code : undefined;
        const message = textOf(notice, { name }, shown);
        for (const [index, to] of textsIn(contacts.get(recipient.contacts)).entries()) {
          const place = `${recipient.contacts}/${index}`;
          if (done.has(place)) continue;
          try {
            await this.port.send({ ...message, to, messageId: this.messageId(id, place) });
            done.add(place);
          } catch (error) {
            failure = error;
          }
        }
      }
    } catch (error) {
      failure = error;
    }
    const sent = done.size > 0 ? 'delivered' : 'no-recipient';
    const ended = failure === undefined ? sent : late ? 'given-up' : null;
    const wait = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** Math.min(attempts - 1, 20));
    await this.database.query(
      `UPDATE protocol.notice_deliveries SET reached = $2, ended = $3, next_at = now() + make_interval(secs => $4)
       WHERE notice_id = $1`,
      [id, [...done], ended, wait],
    );
    if (ended !== null) await this.end(notice, ended);
    // What a mail server answers may name the address: the reason is not logged.
    if (ended === 'given-up') this.log.error(`the notice of event ${id} did not reach every contact within a day`);
    else if (ended === 'no-recipient' && notice.recipients.length > 0)
      this.log.warn(`the notice of event ${id} was sent to nobody: the vault has none of its contacts`);
    else if (failure !== undefined) this.log.warn(`the notice of event ${id} did not reach every contact yet`);
  }

  private async end({ sealedCode }: CredentialNotice, result: NoticeEnd): Promise<void> {
    this.ended.inc({ result });
    if (sealedCode !== undefined) await this.vault.discard(sealedCode);
  }

  private messageId(noticeId: string, place: string): string {
    const digest = createHash('sha256').update(`${noticeId} ${place}`).digest('hex').slice(0, 40);
    return `<${digest}@${new URL(this.base.publicUrl).hostname}>`;
  }
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((it): it is string => typeof it === 'string') : [];
}
