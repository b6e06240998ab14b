import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '#smart';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { versionOf } from '../write/plan-write.js';
import { forNobody, ProbeResource, STALE } from '../write/probe-resource.js';
import type { WriteSupport } from '../write/write-support.js';
import { whereWritten } from '../write/written-answer.js';
import { transactionAnswer, transactionBody } from './transaction-body.js';

/** What a FHIR server was seen to keep of a transaction. */
export interface SupportedTransactions {
  /** All or nothing, and updates only of the version that they name. */
  readonly atomic: boolean;
  /** Deletions only of the version that they name. */
  readonly delete: boolean;
  /** References between entries lead to what they mean. */
  readonly references: boolean;
}

const NONE: SupportedTransactions = { atomic: false, delete: false, references: false };
/** A server that did not keep them is asked again after this, in milliseconds. */
const ASK_AGAIN_MS = 60_000;

/**
 * Whether a FHIR server carries out a transaction whole or not at all, and keeps `ifMatch` in its entries: found out with
 * resources of our own, before the first transaction of anybody. Servers exist that run a transaction entry by entry, and
 * leave what was done before the one that failed; and such that keep `If-Match` as a header alone.
 */
export class TransactionSupport {
  #found: { readonly supported: SupportedTransactions; readonly atMs: number } | undefined;
  #asking: Promise<SupportedTransactions> | undefined;

  constructor(
    private readonly upstream: Pick<Upstream, 'ask' | 'send'>,
    private readonly writes: Pick<WriteSupport, 'of'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws UpstreamFailed, WriteUnknown when the server cannot be asked now */
  async of(): Promise<SupportedTransactions> {
    const { supported, atMs } = this.#found ?? {};
    if (supported && atMs !== undefined && (supported.atomic || this.now() - atMs < ASK_AGAIN_MS)) return supported;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(): Promise<SupportedTransactions> {
    const supported = (await this.writes.of()).update ? await this.#probe() : NONE;
    this.#found = { supported, atMs: this.now() };
    return supported;
  }

  async #probe(): Promise<SupportedTransactions> {
    const [one, other] = [new ProbeResource(this.upstream), new ProbeResource(this.upstream)];
    try {
      if (!(await one.create()) || !(await other.create())) return NONE;
      const right = await this.#refersBetween(one);
      if (!right.isDone) return NONE;
      const atomic = await this.#isRefusedWhole(one, other, 'PUT');
      const { references } = right;
      return { atomic, references, delete: atomic && (await this.#isRefusedWhole(one, other, 'DELETE')) };
    } finally {
      await one.remove();
      await other.remove();
    }
  }

  /** Carries out a transaction that is right: a creation, and an update that refers to what is created. */
  async #refersBetween(one: ProbeResource): Promise<{ readonly isDone: boolean; readonly references: boolean }> {
    const fullUrl = `urn:uuid:${randomUUID()}`;
    const created = { fullUrl, method: 'POST', target: '/Basic', body: ProbeResource.content(THIRD) } as const;
    const before = await one.read();
    const refers = one.update('it refers', before && versionOf(before), { subject: { reference: fullUrl } });
    const { status, resource } = await this.#send([created, refers]);
    const after = await one.read();
    const subject = after?.['subject'];
    const named = idIn(isObject(subject) ? subject['reference'] : undefined);
    const [said] = transactionAnswer(resource, 2) ?? [];
    const third = new ProbeResource(this.upstream, named ?? (said && whereWritten('Basic', said).id));
    // Whatever the server says that it made: only what is ours is deleted again.
    const isThird = ProbeResource.says(await third.read(), THIRD);
    if (isThird) {
      await one.remove();
      await third.remove();
      await one.create();
    }
    return {
      isDone: status === 200 && ProbeResource.says(after, 'it refers'),
      references: named !== undefined && isThird,
    };
  }

  /** Sends a change that is right and one of a stale version: neither may be there afterwards. */
  async #isRefusedWhole(one: ProbeResource, other: ProbeResource, method: 'PUT' | 'DELETE'): Promise<boolean> {
    const before = await Promise.all([one.read(), other.read()]);
    const right = one.update(`half a transaction (${method})`, before[0] && versionOf(before[0]));
    const stale = method === 'PUT' ? other.update('a stale one', STALE) : other.deletion(STALE);
    const { status } = await this.#send([right, stale]);
    const after = await Promise.all([one.read(), other.read()]);
    const isSame = after.every((it, index) => it !== undefined && isDeepStrictEqual(it, before[index]));
    return status >= 400 && status < 500 && isSame;
  }

  async #send(entries: Parameters<typeof transactionBody>[0]): Promise<UpstreamWritten> {
    return await this.upstream.send(
      { method: 'POST', target: '', body: transactionBody(entries) },
      forNobody(),
      () => undefined,
    );
  }
}

const THIRD = 'a third one';

/** The id in a reference to a resource such as the probe. */
function idIn(reference: unknown): string | undefined {
  return typeof reference === 'string' ? /(?:^|\/)Basic\/([A-Za-z0-9\-.]{1,64})$/.exec(reference)?.[1] : undefined;
}
