import type { EffectiveAccess } from '#access';
import { Asking } from '../ask-rights/asking.js';
import type { CallRights } from '../ask-rights/call-rights.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import { CallRecords, type RecordedCall } from '../proxy/call-records.js';
import { type ExportedLine, exportedLine, type ExportSight } from './exported-lines.js';
import { linesOf } from './lines.js';

/** So much leaves together, in bytes, under one record of whose data it is; a line may make it more. */
const BLOCK_BYTES = 262_144;
/** So many patients a record names at most. */
const BLOCK_PATIENTS = 200;
/** About so many lines somebody is asked together. */
const BLOCK_LINES = 1_000;

/** What a file's records are made with. */
interface Recording {
  readonly call: RecordedCall;
  readonly decided: CallDecision;
  readonly access: EffectiveAccess | undefined;
  readonly records: Pick<CallRecords, 'decidedNaming' | 'completed'>;
}

/**
 * A file of an export as it leaves: lines of the server's files that may be seen, in blocks; of each block those who say what
 * may be seen are asked, where somebody is. Whose data a block holds is
 * recorded, acknowledged, before it leaves, as a part of the call. No more of the file is held than one block and one line.
 */
export class ExportedFile {
  #handedOver = 0;

  constructor(
    private readonly recording: Recording,
    private readonly sight: ExportSight,
  ) {}

  /** How much was handed over until now, in bytes: whole blocks, and a part of one that is cut. */
  get bytes(): number {
    return this.#handedOver;
  }

  /** So much more of what was given out is handed over to the caller. */
  handedOver(bytes: number): void {
    this.#handedOver += bytes;
  }

  /**
   * @param files begins to read a file of the server
   * @throws NotRecorded, NotAnswered (Unanswered among them), UpstreamFailed
   */
  async *blocks(
    files: readonly (() => AsyncIterable<Buffer>)[],
    memory: Pick<BodyMemory, 'lease'>,
  ): AsyncGenerator<Buffer, void> {
    await this.#mustAnswer();
    let lines: ExportedLine[] = [];
    let length = 0;
    let patients = new Set<string>();
    for (const file of files) {
      for await (const line of linesOf(file(), memory)) {
        const exported = exportedLine(line, this.sight);
        if (!exported) continue;
        lines.push(exported);
        length += exported.text.length;
        for (const patient of exported.patients) patients.add(patient);
        if (length < BLOCK_BYTES && patients.size < BLOCK_PATIENTS && lines.length < BLOCK_LINES) continue;
        yield* this.#block(lines);
        [lines, length, patients] = [[], 0, new Set()];
      }
    }
    yield* this.#block(lines);
  }

  /** Whether those answer who are to be asked must not tell whether there is a line. */
  async #mustAnswer(): Promise<void> {
    const { rights } = this.recording.call;
    if (rights) await new Asking(rights, this.sight.sight).mustAnswerFor(this.sight.type, 's');
  }

  /** Those of the lines that are let through by all who are asked, as they stand to them now. */
  async *#block(lines: readonly ExportedLine[]): AsyncGenerator<Buffer, void> {
    const { rights: ofCall } = this.recording.call;
    const rights = ofCall?.afresh();
    const seen = rights ? await this.#letThrough(lines, rights) : lines;
    const patients = [...new Set(seen.flatMap((it) => it.patients))];
    // What no record of a block says is said by that of the whole call.
    if (rights && patients.length === 0) ofCall?.absorb(rights);
    if (seen.length > 0) yield* this.#recorded(Buffer.from(seen.map(({ text }) => text).join('')), patients, rights);
  }

  async #letThrough(lines: readonly ExportedLine[], rights: CallRights): Promise<readonly ExportedLine[]> {
    const asking = new Asking(rights, this.sight.sight);
    const seen: ExportedLine[] = [];
    try {
      await asking.foresee(
        lines.map(({ resource }) => resource),
        's',
      );
      for (const line of lines) if (await asking.lets(line.resource, 's')) seen.push(line);
    } catch (error) {
      this.recording.call.rights?.absorb(rights);
      throw error;
    }
    return seen;
  }

  async *#recorded(
    block: Buffer,
    patients: readonly string[],
    rights: CallRights | undefined,
  ): AsyncGenerator<Buffer, void> {
    const { call, decided, access, records } = this.recording;
    // What is about nobody is in the record of the whole call.
    const own = { callId: CallRecords.newCallId(), partOf: call.callId, ...(rights ? { rights } : {}) };
    const part = patients.length === 0 ? undefined : { ...call, ...own };
    const recorded = part && (await records.decidedNaming(part, decided, access, undefined, patients));
    const before = this.bytes;
    let isTaken = false;
    try {
      yield block;
      isTaken = true;
    } finally {
      const ending = isTaken ? 'sent' : 'cut';
      const others = recorded?.namesAll === false ? { patientsIncomplete: true as const } : {};
      if (part) await records.completed(part, { status: 200, bytes: this.bytes - before, ending, ...others });
    }
  }
}
