import { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { BodyLease } from './body-memory.js';

/** Bodies up to this size, in bytes, are not counted piece by piece; larger ones may pass by instead of being held. */
export const SMALL = 262_144;

/** Why a body was not read to its end. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  constructor(readonly why: 'too-large' | 'no-memory' | 'no-place' | 'too-slow' | 'unknown-encoding') {
    super(`the body was not read: ${why}`);
  }
}

export interface BodyBounds {
  /** The most that is taken, in bytes, after decompression. */
  readonly maxBytes: number;
  readonly memory: BodyLease;
  /** How long it may take from its beginning, in milliseconds: a body that drips is not waited for. */
  readonly timeoutMs: number;
}

/** What becomes of a large body: it passes by, is held as others are, or is left, since too many pass by already. */
export type Passage = 'passes' | 'held' | 'no-place';

/** A large body that is not held: who reads `rest` slowly slows the server down. */
export interface Passing {
  /** The most that passes, in bytes, after decompression. */
  readonly maxBytes: number;
  /** Asked once, when more has come than `SMALL`: whether the rest may come piece by piece. */
  readonly mayPass: (head: Buffer) => Passage;
  /** Whoever destroys `rest` leaves the body. What fails later fails there. */
  readonly onPassing: (head: Buffer, rest: Readable) => void;
}

/**
 * A body while it comes: decompressed, and counted, so that one that is too large is left at the first byte too many, or
 * at its `Content-Length`.
 */
export class IncomingBody {
  readonly #pieces: Buffer[] = [];
  readonly #deadline: number;
  readonly #gunzip: Gunzip | undefined;
  #length = 0;
  #passing: Passing | undefined;
  #rest: Readable | undefined;
  /** The most that passes. */
  #most = 0;
  /** Lets the server send more. */
  #onDrain: (() => void) | undefined;

  /**
   * @param headers  lower case
   * @param onEnd    told what was read; not called after `onRefused`
   * @param onRefused what comes may be left
   * @param passing   absent where the body is needed whole
   * @throws BodyRefused at once, for what its headers say
   */
  constructor(
    headers: { readonly length: string | undefined; readonly encoding: string | undefined },
    private readonly bounds: BodyBounds,
    private readonly onEnd: (body: Buffer) => void,
    private readonly onRefused: (why: Error) => void,
    passing?: Passing,
  ) {
    const { length, encoding = 'identity' } = headers;
    // What says that it can be held is held: what passes can break off.
    const isHeld = encoding === 'identity' && Number(length ?? NaN) <= bounds.maxBytes;
    this.#passing = isHeld ? undefined : passing;
    if (encoding !== 'identity' && encoding !== 'gzip') throw new BodyRefused('unknown-encoding');
    if (Number(length ?? NaN) > Math.max(bounds.maxBytes, passing?.maxBytes ?? 0)) throw new BodyRefused('too-large');
    this.#deadline = performance.now() + bounds.timeoutMs;
    if (encoding === 'identity') return;
    this.#gunzip = createGunzip()
      .on('data', (piece: Buffer) => void (this.#count(piece) || this.#gunzip?.pause()))
      .once('end', () => this.#end())
      .once('error', (error) => this.#refuse(error));
  }

  /** Takes a piece as it came. @returns whether more may come at once; else `onDrain` is called when it may */
  take(piece: Buffer, onDrain: () => void): boolean {
    if (this.#gunzip) {
      if (this.#gunzip.write(piece)) return true;
      this.#gunzip.once('drain', onDrain);
      return false;
    }
    this.#onDrain = undefined;
    if (this.#count(piece)) return true;
    this.#onDrain = onDrain;
    return false;
  }

  /** All pieces have come. */
  end(): void {
    if (this.#gunzip) this.#gunzip.end();
    else this.#end();
  }

  /** No more will come. */
  leave(why?: Error): void {
    this.#gunzip?.destroy();
    this.#rest?.destroy(why);
  }

  /** @returns whether more may come at once */
  #count(piece: Buffer): boolean {
    this.#length += piece.length;
    if (this.#rest) return this.#pass(this.#rest, piece);
    const { maxBytes, memory } = this.bounds;
    if (this.#length > SMALL && this.#begunToPass(piece)) return true;
    if (this.#length > maxBytes) this.#refuse(new BodyRefused('too-large'));
    else if (this.#length > SMALL && !memory.take(piece.length)) this.#refuse(new BodyRefused('no-memory'));
    else if (performance.now() > this.#deadline) this.#refuse(new BodyRefused('too-slow'));
    else this.#pieces.push(piece);
    return true;
  }

  /** @returns whether it passes from now on, or was left */
  #begunToPass(piece: Buffer): boolean {
    const passing = this.#passing;
    this.#passing = undefined;
    if (passing === undefined) return false;
    const head = Buffer.concat([...this.#pieces, piece]);
    const passage = passing.mayPass(head);
    if (passage === 'held') return false;
    if (passage === 'no-place') {
      this.#refuse(new BodyRefused('no-place'));
      return true;
    }
    this.#pieces.length = 0;
    this.#most = passing.maxBytes;
    this.#rest = new Readable({ highWaterMark: SMALL, read: () => this.#flow() });
    passing.onPassing(head, this.#rest);
    return true;
  }

  #pass(rest: Readable, piece: Buffer): boolean {
    if (this.#length <= this.#most) return rest.push(piece);
    this.#refuse(new BodyRefused('too-large'));
    return true;
  }

  /** What had come was taken. */
  #flow(): void {
    this.#gunzip?.resume();
    const onDrain = this.#onDrain;
    this.#onDrain = undefined;
    onDrain?.();
  }

  #refuse(why: Error): void {
    this.leave(why);
    this.onRefused(why);
  }

  #end(): void {
    this.#rest?.push(null);
    const [first] = this.#pieces;
    this.onEnd(this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces));
  }
}
