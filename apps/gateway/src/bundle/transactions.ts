import type { Log } from '#host';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { type CallRecords, NotRecorded } from '../proxy/call-records.js';
import { type FhirError, ofEntry } from '../proxy/operation-outcome.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import { WriteOutcomes } from '../write/write-outcomes.js';
import { isFhirError } from '../write/written-answer.js';
import { type Answered, askEntry, toldOfFailure } from './batches.js';
import type { BundleCall, EntryCall } from './bundle-call.js';
import { errorAnswer, readAnswer, writtenAnswer } from './entry-answer.js';
import { type Refusal, refusalBy } from './entry-refusal.js';
import {
  type DecidedEntry,
  judgeTransaction,
  readsIn,
  refusalOfFailure,
  refusedWithOther,
  type TransactionJudging,
} from './judge-transaction.js';
import { EntryRefused, type PlannedEntry } from './plan-transaction.js';
import { sendTransaction } from './send-transaction.js';

/** What carries transactions out. */
export interface TransactionMeans extends TransactionJudging {
  readonly records: Pick<CallRecords, 'decided' | 'completed'>;
  readonly upstream: Pick<Upstream, 'ask' | 'send' | 'base'>;
  readonly inFlight: InFlightWrites;
  readonly log: Pick<Log, 'error'>;
}

/** What became of a transaction. `refused` and `failed`: nothing of it was carried out, or that is not known. */
export type TransactionOutcome =
  | { readonly kind: 'refused'; readonly answer: FhirError; readonly position: string }
  | { readonly kind: 'failed'; readonly answer: FhirError; readonly position: string }
  | { readonly kind: 'done'; readonly answers: readonly Answered[]; readonly position: string };

/**
 * Carries transactions out: every entry is allowed and judged, together with the others, before anything is sent; all is
 * recorded; then one transaction goes to the FHIR server, of unconditional writes to single ids in the versions that were
 * judged. What reads is asked before, so that it may refuse the whole, and answered from what there is afterwards.
 */
export class Transactions {
  readonly #outcomes: WriteOutcomes;

  constructor(private readonly means: TransactionMeans) {
    this.#outcomes = new WriteOutcomes(means.records, means.bases, means.log);
  }

  /** @throws NotRecorded when it could not be recorded; nothing of it was then sent */
  async carryOut(bundle: BundleCall): Promise<TransactionOutcome> {
    try {
      const judged = await judgeTransaction(bundle, this.means);
      if (judged.kind === 'refused') return await this.#refuse(bundle, judged.index, judged.refusal);
      const stopped = bundle.bounds.stopped();
      if (stopped) return await this.#refuse(bundle, undefined, refusalBy(stopped, 'the Bundle was not carried on'));
      return await this.#carryOut(bundle, judged.decided, judged.planned);
    } catch (error) {
      if (!(error instanceof EntryRefused)) throw error;
      return await this.#refuse(bundle, error.index, refusalOfFailure(error.cause));
    }
  }

  async #carryOut(
    bundle: BundleCall,
    decided: readonly DecidedEntry[],
    planned: readonly PlannedEntry[],
  ): Promise<TransactionOutcome> {
    const position = await this.#record(bundle, decided, planned);
    const { upstream, inFlight, bases } = this.means;
    const means = { upstream, inFlight, bases, outcomes: this.#outcomes };
    const { each: done, failure } = await sendTransaction(bundle, planned, means);
    await Promise.all(
      planned.map(async (each, at) => {
        const what = done[at];
        if (what) await this.#outcomes.completed(each.write, what, each.whom);
      }),
    );
    if (failure) {
      const ended = { status: failure.status, bytes: 0, ending: 'withheld' } as const;
      await Promise.all(readsIn(decided).map(async ({ one }) => await this.#complete(one, ended)));
      return { kind: 'failed', answer: failure, position };
    }
    const answers = new Map<number, Answered>();
    planned.forEach(({ index }, at) => {
      const [one, what] = [bundle.entries[index], done[at]];
      if (!one || !what) return;
      const { answer } = what;
      const told = isFhirError(answer) ? errorAnswer(answer) : writtenAnswer(answer, bases, bundle.bounds);
      answers.set(index, { one, answer: told, isShown: false });
    });
    for (const { one } of readsIn(decided)) answers.set(one.index, await this.#read(one, bundle));
    return { kind: 'done', answers: bundle.entries.flatMap(({ index }) => answers.get(index) ?? []), position };
  }

  /**
   * Records every decision, before anything is sent.
   *
   * @returns the position of the record of the whole
   * @throws NotRecorded
   */
  async #record(
    bundle: BundleCall,
    decided: readonly DecidedEntry[],
    planned: readonly PlannedEntry[],
  ): Promise<string> {
    const { records } = this.means;
    const patients = new Map(planned.map(({ index, whom }) => [index, whom.patients]));
    const { call, access } = bundle;
    const [[whole], each] = await Promise.all([
      Promise.allSettled([records.decided(call, bundle.decided, access)]),
      Promise.allSettled(
        decided.map(
          async ({ one, decided: by }) =>
            await records.decided(one.call, by, access, undefined, patients.get(one.index) ?? []),
        ),
      ),
    ]);
    const failed = [whole, ...each].find((it) => it.status === 'rejected');
    if (whole.status === 'fulfilled' && !failed) return whole.value;
    // Of what is on record as allowed it is to be known that nothing came of it.
    const nothing = { status: 503, bytes: 0, ending: 'withheld' } as const;
    const recorded = decided.filter((_, at) => each[at]?.status === 'fulfilled');
    await Promise.all(recorded.map(async ({ one }) => await this.#complete(one, nothing)));
    throw failed?.status === 'rejected' ? failed.reason : new NotRecorded('a transaction could not be recorded');
  }

  /** What an entry reads now that the transaction was carried out; what fails by now undoes nothing. */
  async #read(one: EntryCall, bundle: BundleCall): Promise<Answered> {
    try {
      const answer = await askEntry(one, bundle, this.means);
      return { one, answer: readAnswer(answer, one.entry, this.means.bases, bundle.bounds), isShown: true };
    } catch (error) {
      const told = toldOfFailure(error);
      const ending = error instanceof UpstreamFailed ? 'upstream-failed' : 'withheld';
      await this.#complete(one, { status: told.status, bytes: 0, ending });
      return { one, answer: errorAnswer(told), isShown: false };
    }
  }

  /** Records that nothing of a transaction is carried out, and why, for each entry. */
  async #refuse(bundle: BundleCall, index: number | undefined, refusal: Refusal): Promise<TransactionOutcome> {
    const { records } = this.means;
    const { call, access, entries } = bundle;
    const answer = index === undefined ? refusal.answer : ofEntry(index, refusal.answer);
    const { denied } = refusal;
    const other = refusedWithOther(refusal);
    const reasonOf = (at: number) => (index === undefined || at === index ? denied : other);
    const [position] = await Promise.all([
      records.decided(call, denied, access, answer.status),
      ...entries.map(async (one) => await records.decided(one.call, reasonOf(one.index), access, answer.status)),
    ]);
    return { kind: 'refused', answer, position };
  }

  async #complete({ call }: EntryCall, ended: Parameters<CallRecords['completed']>[1]): Promise<void> {
    try {
      await this.means.records.completed(call, ended);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      this.means.log.error('what became of an entry could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }
}
