import type { FhirResource } from '#smart';
import { wrongAnswer } from '../answer/not-answered.js';
import type { OurUrlsInPieces } from '../answer/our-urls.js';
import { isTimeout } from '../ask-upstream/answer-parts.js';
import { BodyRefused, SMALL } from '../ask-upstream/read-body.js';
import { noAnswer, tooSlow, toldOfBody } from '../ask-upstream/tell-failure.js';
import type { LargeAnswer } from '../ask-upstream/upstream-answer.js';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { AbridgedJson, type Begun } from './abridged-json.js';

/**
 * A resource that passes by instead of being held: its beginning is looked at before anything leaves, the rest while it
 * leaves. What was read last is handed on when what follows has come, so that nobody gets the end of one that is not right.
 */
export class LargeBody {
  readonly #abridged = new AbridgedJson();
  /** The resource without its long texts, as far as it is known. */
  #known: FhirResource | undefined;

  /** @param head its beginning, in UTF-8 */
  constructor(private readonly head: Buffer) {
    this.#abridged.take(head);
  }

  /** What is known by its beginning; undefined where that is no resource. */
  begun(): Begun | undefined {
    return this.#abridged.begun();
  }

  /** Whether it was read to its end, and is what its beginning said. */
  get isWhole(): boolean {
    return this.#known !== undefined;
  }

  /** The members that came, without long texts. */
  get resource(): FhirResource | undefined {
    return this.#known ?? this.begun()?.resource;
  }

  /**
   * What is kept of it, without long texts, is bounded as what is held whole.
   *
   * @param isRight whether the whole, without its long texts, is what the beginning said
   * @throws UpstreamFailed, NotAnswered
   */
  async *pieces(
    { rest, bounds }: Pick<LargeAnswer, 'rest' | 'bounds'>,
    urls: OurUrlsInPieces,
    isRight: (resource: FhirResource) => boolean,
  ): AsyncGenerator<Buffer, void> {
    let held = this.head;
    let counted = SMALL;
    try {
      for await (const piece of rest as AsyncIterable<Buffer>) {
        this.#abridged.take(piece);
        const { length } = this.#abridged;
        if (length > bounds.maxBytes) throw new BodyRefused('too-large');
        if (length > counted && !bounds.memory.take(length - counted)) throw new BodyRefused('no-memory');
        counted = Math.max(counted, length);
        yield urls.take(held);
        held = piece;
      }
    } catch (cause) {
      if (cause instanceof BodyRefused) throw new UpstreamFailed(toldOfBody(cause), { cause });
      throw new UpstreamFailed(isTimeout(cause) ? tooSlow : noAnswer, { cause });
    }
    const whole = this.#abridged.whole();
    if (!whole || !isRight(whole)) throw wrongAnswer('the upstream’s resource does not end as it began');
    this.#known = whole;
    yield urls.take(held);
    yield urls.end();
  }
}
