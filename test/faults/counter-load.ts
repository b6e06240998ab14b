import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyDigest, commandId, mintId } from '#contracts';
import { type CommandAnswer, type CommandSender, type LogSettings, type NewCommand, NotAppended } from '#event-log';
import type { counter } from '#testing';
import type { Told } from './log-checker.js';

type Command = NewCommand<typeof counter>;

/** Callers of the counter context who keep at it: a pending command is sent again under its id until it is answered. */
export class CounterLoad {
  readonly told: Told[] = [];
  readonly subjects = Array.from({ length: 16 }, (_, index) => mintId(index % 8));
  readonly #sent = new Set<Promise<void>>();

  constructor(private readonly sender: CommandSender<typeof counter>) {}

  async open(): Promise<void> {
    await Promise.all(this.subjects.map((subject) => this.#ask({ ...this.#add(subject), type: 'open', data: {} })));
  }

  /** Sends `perSecond` commands a second until `until` resolves, then waits until each is answered. */
  async run(perSecond: number, until: Promise<void>): Promise<void> {
    const over = { yet: false };
    void until.then(() => (over.yet = true));
    for (let index = 0; !over.yet; index++) {
      const asked = this.#ask(this.#add(this.subjects[index % this.subjects.length] ?? ''));
      this.#sent.add(asked);
      void asked.then(() => this.#sent.delete(asked));
      await delay(1_000 / perSecond); // the pace of the load, not a wait for something
    }
    await Promise.all(this.#sent);
  }

  #add(subject: string): Command {
    const id = commandId('load', 'POST', `/counters/${subject}`, randomUUID());
    return {
      type: 'add',
      data: { amount: 1 },
      subject,
      id,
      actor: 'load',
      correlationId: id,
      bodyDigest: bodyDigest({ amount: 1 }),
    };
  }

  /** Nothing, after a pause, when the command certainly did not reach the log: what REST answers with 503 and `Retry-After`. */
  async #send(command: Command): Promise<CommandAnswer | undefined> {
    try {
      return await this.sender.send(command, { waitMs: 5_000 });
    } catch (error) {
      if (!(error instanceof NotAppended)) throw error;
      await delay(500);
      return undefined;
    }
  }

  async #ask(command: Command): Promise<void> {
    for (let tries = 0; tries < 30; tries++) {
      const answer = await this.#send(command);
      if (answer === undefined || answer.status === 'pending') continue;
      this.told.push(toldOf(command, answer));
      return;
    }
    this.told.push({ commandId: command.id, subject: command.subject, status: 'never answered' });
  }
}

function toldOf({ id, subject }: Command, answer: CommandAnswer): Told {
  if (answer.status !== 'succeeded') return { commandId: id, subject, status: answer.status };
  return { commandId: id, subject, status: answer.status, version: answer.version, offset: answer.position.offset };
}

export function settingsFor(brokers: string, prefix: string): LogSettings {
  const silent = (): void => undefined;
  return {
    brokers: brokers.split(','),
    clientId: 'fault-test',
    prefix,
    sink: { debug: silent, info: silent, warn: silent, error: silent },
  };
}
