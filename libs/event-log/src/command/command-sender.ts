import {
  type Addressed,
  type CommandMeta,
  type CommandOf,
  ContextCodec,
  type ContextContract,
  partitionOf,
  POLICY_ID,
  type RecordedOutcome,
  refusesAsUnauthentic,
  topicsOf,
} from '#contracts';
import { answerOf, type CommandAnswer, pendingAnswer } from './command-answer.js';
import { formatCommandPlace, parseCommandPlace } from './command-place.js';
import { CommandSearch, REMEMBERED_MS } from './command-search.js';
import type { KeyedValue } from '../kafka/fenced-producer.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { AppendUnresolved } from '../kafka/append-lane.js';
import { OrderedAppender } from '../kafka/ordered-appender.js';
import type { CommandEnd } from '../meter/log-meter.js';
import { type LogTracer, noTracer, type TraceParent } from '../tracing/log-tracer.js';
import { type LogEnds, LogTail, type NextOffsets } from '../tail/log-tail.js';
import type { Entry } from '../tail/record-source.js';
import { outcomesOf } from '../writer/outcome-codec.js';

/** A command before it is addressed: its time and deadline are the sender's. */
export type NewCommand<C extends ContextContract> = CommandOf<C> &
  Omit<CommandMeta, 'time' | 'deadline' | 'causationId'> & { readonly causationId?: string };

/** How commands enter the log, and their answers come back. */
export interface CommandPort<C extends ContextContract> {
  /**
   * Appends a command and waits for its outcome.
   *
   * @throws NotAppended when the command certainly did not reach the log; nothing was or will be done
   */
  send(command: NewCommand<C>, options?: { readonly waitMs?: number }): Promise<CommandAnswer>;
  /**
   * What became of a command sent in the last 24 hours, by any instance. It is pending until this instance has read its
   * outcome: another may have done so a moment before.
   *
   * @param resourceId the `resourceId` of its answer, or its `commandId`: without the place, nothing is looked for in the log
   * @param actor      who asks; a command of somebody else is as unknown as one that there is not
   */
  lookup(resourceId: string, actor: string): Promise<CommandAnswer | undefined>;
}

const WAIT_MS = 5_000;
const DEADLINE_MS = 60_000;
const APPEND_DEADLINE_MS = 4_000;
const REMEMBERED_COMMANDS = 100_000;
/** Outcomes that are read before a process sends; what is older is looked for in the log when somebody asks. */
const READ_AT_START = 16_000;

/** What others sent is known this much later, in milliseconds; whoever waits for an outcome does not wait for it. */
const REST_MS = 100;

/** A call of `send` that waits for its outcome. */
interface Waiter {
  readonly resolve: (answer: CommandAnswer) => void;
  readonly bodyDigest: string;
  /** Where this call's copy of the command stands; `unknown` when it may be in the log, unacknowledged. */
  offset: bigint | 'not known yet' | 'unknown';
  /** Outcomes that came before the acknowledgement said which copy is this call's. */
  readonly early: Entry<RecordedOutcome>[];
}

/** The answer to a command, and the place of the copy that got it, or waits for it, as its resource's id. */
interface Known {
  readonly answer: CommandAnswer;
  readonly actor: string;
  readonly copy: string;
}

export class CommandSender<C extends ContextContract> implements CommandPort<C> {
  readonly #codec: ContextCodec<C>;
  readonly #appender: OrderedAppender;
  readonly #tail: LogTail<ReturnType<typeof outcomesOf>>;
  readonly #search: CommandSearch<C>;
  readonly #tracer: LogTracer;
  readonly #topic: string;
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #known = new Map<string, Known>();

  constructor(
    private readonly settings: LogSettings,
    private readonly contract: C,
    onFailure: (error: unknown) => void,
  ) {
    const { commands } = topicsOf(contract);
    settings.onTopic?.('sends', commands.name);
    settings.meter?.sends(contract.context);
    this.#topic = settings.prefix + commands.name;
    this.#search = new CommandSearch(settings, contract);
    this.#tracer = settings.tracer ?? noTracer;
    this.#codec = new ContextCodec(contract);
    this.#appender = new OrderedAppender(settings, { deadlineMs: APPEND_DEADLINE_MS });
    this.#tail = new LogTail(settings, {
      name: `${contract.context}-outcomes`,
      sources: [outcomesOf(contract)],
      from: (ends) => beginningOfMemory(ends, outcomesOf(contract)),
      onBatch: (entries) => entries.forEach((entry) => this.#settle(entry)),
      restMs: REST_MS,
      isAwaited: () => this.#waiting.size > 0,
      onFailure,
    });
  }

  /** Resolves when outcomes are followed to their end: a command sent after that cannot miss its answer. */
  async start(): Promise<void> {
    await this.#tail.start();
  }

  async close(): Promise<void> {
    await this.#appender.close();
    await this.#tail.close();
    await this.#search.close();
  }

  async send(command: NewCommand<C>, options: { readonly waitMs?: number } = {}): Promise<CommandAnswer> {
    const from = performance.now();
    const ended = (end: CommandEnd): void =>
      this.settings.meter?.commandEnded(this.contract.context, end, (performance.now() - from) / 1_000);
    try {
      const answer = await this.#tracer.sends(topicsOf(this.contract).commands.name, (traceparent) =>
        this.#send(command, options, traceparent),
      );
      ended(answer.status);
      return answer;
    } catch (error) {
      ended('not-appended');
      throw error;
    }
  }

  async #send(
    command: NewCommand<C>,
    options: { readonly waitMs?: number },
    traceparent: TraceParent | undefined,
  ): Promise<CommandAnswer> {
    const { type, data, causationId = command.id, ...meta } = command;
    const now = Date.now();
    // Sound: type and data are those of the command given.
    const addressed = {
      type,
      data,
      meta: {
        ...meta,
        causationId,
        time: new Date(now).toISOString(),
        deadline: new Date(now + DEADLINE_MS).toISOString(),
      },
    } as Addressed<CommandOf<C>>;
    const encoded = this.#codec.encodeCommand(addressed);
    const value = this.settings.commandKeys?.seal(encoded) ?? encoded;
    const partition = command.subject === POLICY_ID ? 0 : partitionOf(command.subject);
    const { promise, resolve } = Promise.withResolvers<CommandAnswer>();
    const waiter: Waiter = { resolve, bodyDigest: command.bodyDigest, offset: 'not known yet', early: [] };
    const waiting = this.#waiting.get(command.id) ?? new Set();
    this.#waiting.set(command.id, waiting.add(waiter));
    this.#tail.hurry();
    const pending = (): CommandAnswer & { readonly status: 'pending' } =>
      pendingAnswer({
        commandId: command.id,
        ...(typeof waiter.offset === 'bigint' ? { partition, offset: waiter.offset } : {}),
      });
    const timer = setTimeout(() => resolve(pending()), options.waitMs ?? WAIT_MS);
    try {
      waiter.offset = await this.#append(partition, { key: command.subject, value, traceparent });
      for (const entry of waiter.early) this.#offer(waiter, entry);
      const answer = pending();
      if (!this.#known.has(command.id)) this.#know({ answer, actor: command.actor, copy: answer.resourceId });
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(waiter);
      if (waiting.size === 0) this.#waiting.delete(command.id);
    }
  }

  async lookup(resourceId: string, actor: string): Promise<CommandAnswer | undefined> {
    const place = parseCommandPlace(resourceId);
    if (place === undefined) return undefined;
    const { commandId, partition, offset } = place;
    const known = this.#known.get(commandId);
    if (known !== undefined && known.actor !== actor) return undefined;
    if (partition === undefined || offset === undefined) return known?.answer;
    // The same id with another body was refused, whatever became of the first: each copy has an outcome of its own.
    if (known?.copy === resourceId) return known.answer;
    const found = await this.#search.find({ commandId, partition, offset }, actor);
    // Whatever comes after what was searched is seen by who follows the outcomes: nobody searches for it twice.
    if (found?.status === 'pending' && !this.#known.has(commandId))
      this.#know({ answer: found, actor, copy: resourceId });
    return found;
  }

  /** The command's offset, or `unknown` when it may be in the log and nobody knows where. */
  async #append(partition: number, record: KeyedValue): Promise<bigint | 'unknown'> {
    try {
      return (await this.#appender.append(this.#topic, partition, record)).offset;
    } catch (error) {
      if (error instanceof AppendUnresolved) return 'unknown';
      throw error;
    }
  }

  #settle(entry: Entry<RecordedOutcome>): void {
    const { outcome } = entry.event;
    for (const waiter of this.#waiting.get(outcome.commandId) ?? []) {
      if (waiter.offset === 'not known yet') waiter.early.push(entry);
      else this.#offer(waiter, entry);
    }
    const { commandOffset, actor } = entry.event;
    const copy = formatCommandPlace({
      commandId: outcome.commandId,
      partition: entry.position.partition,
      offset: commandOffset,
    });
    if (refusesAsUnauthentic(outcome)) {
      // It answers a record that claims this id; the command itself is another. Who asks for that record is told from the log.
      if (this.#known.get(outcome.commandId)?.copy === copy) this.#known.delete(outcome.commandId);
      return;
    }
    const found = this.#answerOf(entry);
    const answer = found.status === 'succeeded' ? { ...found, resource: undefined } : found;
    this.#know({ answer, actor, copy });
  }

  /**
   * Each copy of a command has an outcome of its own: a caller is answered by that of the copy it sent, so that another
   * body under the same id, or an earlier copy that expired, answers nobody else. A caller whose copy stands nobody
   * knows where takes the answer of any copy with the same body, as a repeat.
   */
  #offer(waiter: Waiter, entry: Entry<RecordedOutcome>): void {
    const { event } = entry;
    if (waiter.offset === event.commandOffset) {
      waiter.resolve(this.#answerOf(entry));
    } else if (
      waiter.offset === 'unknown' &&
      event.outcome.status !== 'expired' &&
      !refusesAsUnauthentic(event.outcome) &&
      event.outcome.bodyDigest === waiter.bodyDigest
    ) {
      const answer = this.#answerOf(entry);
      waiter.resolve(answer.status === 'succeeded' ? { ...answer, repeated: true } : answer);
    }
  }

  #answerOf({ event, position }: Entry<RecordedOutcome>): CommandAnswer {
    return answerOf(event, topicsOf(this.contract).events.name, position.partition);
  }

  #know(known: Known): void {
    const { commandId } = known.answer;
    const before = this.#known.get(commandId)?.answer.status;
    // What was decided stays; a later outcome under the same id repeats it or refuses another body.
    if (before === 'succeeded' || before === 'refused' || before === 'failed') return;
    this.#known.delete(commandId);
    this.#known.set(commandId, known);
    if (this.#known.size <= REMEMBERED_COMMANDS) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

/** A day ago, but few enough outcomes: nobody may send a command before they were read. */
async function beginningOfMemory(ends: LogEnds, source: ReturnType<typeof outcomesOf>): Promise<NextOffsets> {
  const share = BigInt(Math.floor(READ_AT_START / source.partitions));
  const dayAgo = await ends.offsetsAt([source], Date.now() - REMEMBERED_MS);
  const last = (await ends.endsOf([source])).get(source.topic) ?? [];
  const begin = dayAgo.get(source.topic)?.map((offset, partition) => {
    const bound = (last[partition] ?? 0n) - share;
    return offset > bound ? offset : bound;
  });
  return new Map([[source.topic, begin ?? []]]);
}
