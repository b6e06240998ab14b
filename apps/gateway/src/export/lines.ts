import type { BodyMemory } from '../ask-upstream/body-memory.js';
import { BodyRefused } from '../ask-upstream/read-body.js';
import { toldOfBody } from '../ask-upstream/tell-failure.js';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';

/** The longest line, in bytes: a resource is no larger. */
const LINE_MOST = 8_388_608;
/** Lines up to this size, in bytes, are not counted against the memory. */
const SMALL = 262_144;
const NEWLINE = 0x0a;

/**
 * The lines of a file while it comes, without their ends; empty ones are left out. No more of it is held than one line and
 * what came with it.
 *
 * @param most the longest line, in bytes
 * @throws UpstreamFailed at a line that is longer, or that there is no memory for
 */
export async function* linesOf(
  pieces: AsyncIterable<Buffer>,
  memory: Pick<BodyMemory, 'lease'>,
  most = LINE_MOST,
): AsyncGenerator<Buffer, void> {
  const lease = memory.lease();
  let held: Buffer[] = [];
  let length = 0;
  const hold = (piece: Buffer) => {
    length += piece.length;
    if (length > most) throw refused(new BodyRefused('too-large'));
    if (length > SMALL && !lease.take(piece.length)) throw refused(new BodyRefused('no-memory'));
    held.push(piece);
  };
  const taken = () => {
    const line = held.length === 1 && held[0] ? held[0] : Buffer.concat(held);
    held = [];
    length = 0;
    return line;
  };
  try {
    for await (const piece of pieces) {
      let start = 0;
      for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
        hold(piece.subarray(start, end));
        start = end + 1;
        const line = taken();
        if (line.length > 0) yield line;
        lease.release();
      }
      if (start < piece.length) hold(piece.subarray(start));
    }
    if (length > 0) yield taken();
  } finally {
    lease.release();
  }
}

function refused(cause: BodyRefused): UpstreamFailed {
  return new UpstreamFailed(toldOfBody(cause), { cause });
}
