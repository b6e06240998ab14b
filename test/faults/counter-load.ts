import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { bodyDigest, commandId, mintId } from '#contracts';
import { type CommandAnswer, type CommandSender, type LogSettings, type NewCommand, NotAppended } from '#event-log';
import type { counter } from '#testing';
import type { Told } from './log-checker.js';

type Command = NewCommand<typeof counter>;

/** What callers saw besides answers: none of it may be wrong, only late. */
export interface Waits {
  /** Sends that certainly did not reach the log: REST answers 503. */
  notAppended: number;
  /** Sends without an outcome in time: REST answers 202. */
  pending: number;
  /** Sends whose deadline passed before a writer read them: REST answers 503. */
  expired: number;
  /** Commands that were sent again, under their id, though they had been or were being answered. */
  repeated: number;
  /** The longest time from a send to whatever it gave, and from a command's first send to its answer, in milliseconds. */
  longestSend: number;
  longestUntilAnswer: number;
}

/** Of this many commands one is sent again at a random moment, most often at another instance. */
const ACTOR = 'load';
const REPEAT_ONE_IN = 5;
/** A repeat comes this long after the first try at most: before its answer, during the fault, or after it. */
const REPEAT_WITHIN_MS = 15_000;
const GIVE_UP_AFTER_MS = 180_000;
/** What `Retry-After` says, and how long a caller who was told nothing often enough waits between two requests at most. */
const RETRY_AFTER_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
/** How often a caller asks the command resource before it sends the command again. */
const POLLS = 5;

/**
 * Callers of the counter context, at several instances, who keep at it: a command without an answer is sent again under
 * its id until it has one, and some are though they have one.
 */
export class CounterLoad {
  readonly told: Told[] = [];
  readonly waits: Waits = {
    notAppended: 0,
    pending: 0,
    expired: 0,
    repeated: 0,
    longestSend: 0,
    longestUntilAnswer: 0,
  };
  readonly #subjects = Array.from({ length: 16 }, (_, index) => mintId(index % 8));
  readonly #asked = new Set<Promise<void>>();
  #until: Promise<void> = Promise.resolve();

  constructor(private readonly senders: readonly CommandSender<typeof counter>[]) {}

  async open(): Promise<void> {
    await Promise.all(this.#subjects.map((subject) => this.#ask({ ...this.#add(subject, 0), type: 'open', data: {} })));
  }

  /** Sends `perSecond` commands a second until `until` resolves, then waits until each is answered. */
  async run(perSecond: number, until: Promise<void>): Promise<void> {
    const over = { yet: false };
    void until.then(() => (over.yet = true));
    this.#until = until;
    const begun = performance.now();
    for (let sent = 0; !over.yet;) {
      for (const due = ((performance.now() - begun) / 1_000) * perSecond; sent < due; sent++) this.#begin(sent);
      await delay(5); // the pace of the load, not a wait for something
    }
    while (this.#asked.size > 0) await Promise.all(this.#asked);
  }

  #begin(index: number): void {
    const subject = this.#subjects[index % this.#subjects.length] ?? '';
    // Every second counter stays near zero, so that what is refused now would be accepted a moment later.
    const nearZero = index % 2 === 0;
    const command = this.#add(subject, nearZero && randomInt(2) === 0 ? -1 : 1);
    this.#keep(this.#ask(command));
    if (randomInt(REPEAT_ONE_IN) > 0) return;
    this.waits.repeated++;
    const moment = delay(randomInt(REPEAT_WITHIN_MS), undefined, { ref: false });
    this.#keep(Promise.race([moment, this.#until]).then(() => this.#ask(command)));
  }

  #keep(asked: Promise<void>): void {
    this.#asked.add(asked);
    void asked.finally(() => this.#asked.delete(asked));
  }

  #add(subject: string, amount: number): Command {
    const id = commandId('load', 'POST', `/counters/${subject}`, randomUUID());
    return {
      type: 'add',
      data: { amount },
      subject,
      id,
      actor: ACTOR,
      correlationId: id,
      bodyDigest: bodyDigest({ amount }),
    };
  }

  /** One request at one instance; nothing when it did not say what became of the command. */
  async #send(command: Command): Promise<CommandAnswer | undefined> {
    const sender = this.senders[randomInt(this.senders.length)];
    if (sender === undefined) throw new Error('no instance to ask');
    const sentAt = performance.now();
    try {
      const answer = await sender.send(command, { waitMs: 5_000 });
      this.waits.longestSend = Math.max(this.waits.longestSend, performance.now() - sentAt);
      if (answer.status === 'pending') {
        this.waits.pending++;
        return await this.#poll(sender, answer.resourceId);
      }
      if (answer.status === 'expired') this.waits.expired++;
      return isFinal(answer) ? answer : undefined;
    } catch (error) {
      if (!(error instanceof NotAppended)) throw error;
      this.waits.longestSend = Math.max(this.waits.longestSend, performance.now() - sentAt);
      this.waits.notAppended++;
      return undefined;
    }
  }

  /** Asks the command resource, as a 202 tells a caller to, for a while. */
  async #poll(sender: CommandSender<typeof counter>, id: string): Promise<CommandAnswer | undefined> {
    for (let asked = 0; asked < POLLS; asked++) {
      await delay(backOff(asked));
      // While no broker answers there may be none to ask; a caller gets 503 and asks again.
      const answer = await sender.lookup(id, ACTOR).catch(() => undefined);
      if (answer && isFinal(answer)) return answer;
    }
    return undefined;
  }

  async #ask(command: Command): Promise<void> {
    const sentAt = performance.now();
    let answer: CommandAnswer | undefined;
    for (let tried = 0; performance.now() - sentAt < GIVE_UP_AFTER_MS; tried++) {
      if (tried > 0) await delay(backOff(tried - 1));
      answer = await this.#send(command);
      if (answer !== undefined) break;
    }
    const answeredAt = performance.now();
    this.waits.longestUntilAnswer = Math.max(this.waits.longestUntilAnswer, answeredAt - sentAt);
    this.told.push({ ...toldOf(command, answer), sentAt, answeredAt });
  }
}

/**
 * Twice as long each time, and never all callers at once. Callers that pressed on at one pace would keep the machine busy
 * with questions, and the writers from the answers.
 */
function backOff(times: number): number {
  return Math.min(RETRY_AFTER_MS * 2 ** times, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
}

function isFinal({ status }: CommandAnswer): boolean {
  return status !== 'pending' && status !== 'expired';
}

function toldOf({ id, subject }: Command, answer: CommandAnswer | undefined): Omit<Told, 'sentAt' | 'answeredAt'> {
  const status = answer?.status ?? 'never answered';
  if (answer?.status !== 'succeeded') return { commandId: id, subject, status };
  return { commandId: id, subject, status, version: answer.version, offset: answer.position.offset };
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
