import { createGunzip, type Gunzip } from 'node:zlib';
import type { BodyLease } from './body-memory.js';

/** Bodies up to this size, in bytes, are not counted piece by piece. */
const SMALL = 262_144;

/** Why a body was not read to its end. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  constructor(readonly why: 'too-large' | 'no-memory' | 'too-slow' | 'unknown-encoding') {
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

/**
 * A body while it comes: decompressed, and counted, so that one that is too large is left at the first byte too many, or
 * at its `Content-Length`.
 */
export class IncomingBody {
  readonly #pieces: Buffer[] = [];
  readonly #deadline: number;
  readonly #gunzip: Gunzip | undefined;
  #length = 0;

  /**
   * @param headers  lower case
   * @param onEnd    told what was read; not called after `onRefused`
   * @param onRefused what comes may be left
   * @throws BodyRefused at once, for what its headers say
   */
  constructor(
    headers: { readonly length: string | undefined; readonly encoding: string | undefined },
    private readonly bounds: BodyBounds,
    private readonly onEnd: (body: Buffer) => void,
    private readonly onRefused: (why: Error) => void,
  ) {
    const { length, encoding = 'identity' } = headers;
    if (encoding !== 'identity' && encoding !== 'gzip') throw new BodyRefused('unknown-encoding');
    if (Number(length ?? NaN) > bounds.maxBytes) throw new BodyRefused('too-large');
    this.#deadline = performance.now() + bounds.timeoutMs;
    if (encoding === 'identity') return;
    this.#gunzip = createGunzip()
      .on('data', (piece: Buffer) => this.#count(piece))
      .once('end', () => this.#end())
      .once('error', (error) => this.#refuse(error));
  }

  /** Takes a piece as it came. @returns whether more may come at once; else `onDrain` is called when it may */
  take(piece: Buffer, onDrain: () => void): boolean {
    if (!this.#gunzip) {
      this.#count(piece);
      return true;
    }
    if (this.#gunzip.write(piece)) return true;
    this.#gunzip.once('drain', onDrain);
    return false;
  }

  /** All pieces have come. */
  end(): void {
    if (this.#gunzip) this.#gunzip.end();
    else this.#end();
  }

  /** No more will come. */
  leave(): void {
    this.#gunzip?.destroy();
  }

  #count(piece: Buffer): void {
    const { maxBytes, memory } = this.bounds;
    this.#length += piece.length;
    if (this.#length > maxBytes) this.#refuse(new BodyRefused('too-large'));
    else if (this.#length > SMALL && !memory.take(piece.length)) this.#refuse(new BodyRefused('no-memory'));
    else if (performance.now() > this.#deadline) this.#refuse(new BodyRefused('too-slow'));
    else this.#pieces.push(piece);
  }

  #refuse(why: Error): void {
    this.leave();
    this.onRefused(why);
  }

  #end(): void {
    const [first] = this.#pieces;
    this.onEnd(this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces));
  }
}
