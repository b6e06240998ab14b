import { ContextCodec, type ContextContract, topicsOf } from '#contracts';
import type { LogSettings } from '../kafka/log-connection.js';
import { LogScanner } from '../kafka/log-scanner.js';
import { outcomesOf } from '../writer/outcome-codec.js';
import { answerOf, type CommandAnswer, pendingAnswer } from './command-answer.js';
import type { CommandPlace } from './command-place.js';

/** How long it can be asked what became of a command. */
export const REMEMBERED_MS = 24 * 3_600_000;
const CLOCKS_APART_MS = 60_000;

/** Looks in the log for what became of one copy of a command. */
export class CommandSearch<C extends ContextContract> {
  readonly #scanner: LogScanner;
  readonly #codec: ContextCodec<C>;

  constructor(
    private readonly settings: LogSettings,
    private readonly contract: C,
  ) {
    this.#scanner = new LogScanner(settings);
    this.#codec = new ContextCodec(contract);
  }

  /**
   * Looks for the copy of the command where it is said to stand, and for the outcome that names that copy.
   *
   * @returns undefined when it does not stand there, was not sent by the actor, or is older than a day
   * @throws as the scanner does
   */
  async find(place: Required<CommandPlace>, actor: string): Promise<CommandAnswer | undefined> {
    const { commandId, partition, offset } = place;
    const { prefix } = this.settings;
    const { commands, events, outcomes } = topicsOf(this.contract);
    if (partition >= commands.partitions) return undefined;
    const at = { topic: prefix + commands.name, partition, from: offset, isolation: 'uncommitted', limit: 1 } as const;
    const sentAt = await this.#scanner.scan(at, ({ value, offset: found }) => {
      const { meta } = this.#codec.decodeCommand(value);
      return found === offset && meta.id === commandId && meta.actor === actor ? Date.parse(meta.time) : undefined;
    });
    if (sentAt === undefined || Date.now() - sentAt > REMEMBERED_MS) return undefined;
    // By the broker's clock outcomes come after their commands; the edge's clock may be ahead of it.
    const from = { unixMs: sentAt - CLOCKS_APART_MS };
    const source = outcomesOf(this.contract);
    const found = await this.#scanner.scan(
      { topic: prefix + outcomes.name, partition, from, isolation: 'committed' },
      (record) => {
        const event = source.decode(record.value, record);
        return event.commandOffset === offset ? answerOf(event, events.name, partition) : undefined;
      },
    );
    return found ?? pendingAnswer(place);
  }

  async close(): Promise<void> {
    await this.#scanner.close();
  }
}
