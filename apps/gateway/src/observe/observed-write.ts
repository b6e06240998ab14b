import { isWrite } from '#smart';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { RecordedWrite } from '../proxy/call-records.js';
import type { JudgedCall } from '../proxy/read-call.js';
import { outcomeOf, whereWritten } from '../write/written-answer.js';
import type { PassedBack } from './passed-on.js';

/** What became of the data of a write that was handed over, and of which the server said nothing that is handed on. */
export function outcomeOfFailure(reason: unknown): RecordedWrite['outcome'] {
  if (!(reason instanceof UpstreamFailed)) return 'unknown';
  const { wasSent, upstreamStatus } = reason;
  if (!wasSent) return 'unchanged';
  return upstreamStatus === undefined ? 'unknown' : outcomeOf(upstreamStatus);
}

/** The type that a call is about; of a batch and of what was not understood it is any. */
export function typeOf({ interaction }: JudgedCall): string {
  return 'type' in interaction ? interaction.type : 'Resource';
}

/** What became of the data of a write that the server answered. */
export function writtenBy(call: JudgedCall, { status, json, headers }: PassedBack): RecordedWrite {
  const outcome = outcomeOf(status);
  const { interaction } = call;
  const known =
    isWrite(interaction) && outcome === 'changed'
      ? whereWritten(interaction.type, {
          status,
          ...(json === undefined ? {} : { resource: json }),
          ...(headers['location'] === undefined ? {} : { location: headers['location'] }),
        })
      : {};
  const id = 'id' in interaction ? interaction.id : known.id;
  return { outcome, resourceType: typeOf(call), ...(id === undefined ? {} : { resourceId: id }) };
}
