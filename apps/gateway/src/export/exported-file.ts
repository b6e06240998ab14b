import type { EffectiveAccess } from '#access';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import { CallRecords, type RecordedCall } from '../proxy/call-records.js';
import { exportedLine, type ExportSight } from './exported-lines.js';
import { linesOf } from './lines.js';

/** So much leaves together, in bytes, under one record of whose data it is; a line may make it more. */
const BLOCK_BYTES = 262_144;
/** So many patients a record names at most. */
const BLOCK_PATIENTS = 200;

/** What a file's records are made with. */
interface Recording {
  readonly call: RecordedCall;
  readonly decided: CallDecision;
  readonly access: EffectiveAccess | undefined;
  readonly records: Pick<CallRecords, 'decided' | 'completed'>;
}

/**
 * A file of an export as it leaves: lines of the server's files that may be seen, in blocks. Whose data a block holds is
 * recorded, acknowledged, before it leaves, as a part of the call. No more of the file is held than one block and one line.
 */
export class ExportedFile {
  /** What was handed over until now. */
  bytes = 0;

  constructor(
    private readonly recording: Recording,
    private readonly sight: ExportSight,
  ) {}

  /**
   * @param files begins to read a file of the server
   * @throws NotRecorded, NotAnswered, UpstreamFailed
   */
  async *blocks(
    files: readonly (() => AsyncIterable<Buffer>)[],
    memory: Pick<BodyMemory, 'lease'>,
  ): AsyncGenerator<Buffer, void> {
    let lines: string[] = [];
    let length = 0;
    let patients = new Set<string>();
    for (const file of files) {
      for await (const line of linesOf(file(), memory)) {
        const exported = exportedLine(line, this.sight);
        if (!exported) continue;
        lines.push(exported.text);
        length += exported.text.length;
        for (const patient of exported.patients) patients.add(patient);
        if (length < BLOCK_BYTES && patients.size < BLOCK_PATIENTS) continue;
        yield* this.#recorded(Buffer.from(lines.join('')), [...patients]);
        [lines, length, patients] = [[], 0, new Set()];
      }
    }
    if (length > 0) yield* this.#recorded(Buffer.from(lines.join('')), [...patients]);
  }

  async *#recorded(block: Buffer, patients: readonly string[]): AsyncGenerator<Buffer, void> {
    const { call, decided, access, records } = this.recording;
    // What is about nobody is in the record of the whole call.
    const part = patients.length === 0 ? undefined : { ...call, callId: CallRecords.newCallId(), partOf: call.callId };
    if (part) await records.decided(part, decided, access, undefined, patients);
    let isTaken = false;
    try {
      yield block;
      isTaken = true;
      this.bytes += block.length;
    } finally {
      if (part)
        await records.completed(part, {
          status: 200,
          bytes: isTaken ? block.length : 0,
          ending: isTaken ? 'sent' : 'cut',
        });
    }
  }
}
