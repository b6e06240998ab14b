import type { Log } from '#host';
import { isWrite } from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { PageLinks } from '../page-links/page-links.js';
import { type CallRecords, NotRecorded } from '../proxy/call-records.js';
import type { InForce } from '../proxy/in-force.js';
import { type FhirError, fhirError, ofEntry } from '../proxy/operation-outcome.js';
import { changed } from '../proxy/tell-refusal.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import { type Bases, WriteOutcomes } from '../write/write-outcomes.js';
import { notKept } from '../write/writer.js';
import { isFhirError } from '../write/written-answer.js';
import { type Answered, askEntry, toldOfFailure } from './batches.js';
import { type Allowed, answeringOf, type BundleCall, type EntryCall, writeOf } from './bundle-call.js';
import { errorAnswer, readAnswer, writtenAnswer } from './entry-answer.js';
import { type Refusal, refusalBy, refusalOf } from './entry-refusal.js';
import { EntryRefused, type PlannedEntry, planTransaction, type TransactionWrite } from './plan-transaction.js';
import { sendTransaction } from './send-transaction.js';
import type { TransactionSupport } from './transaction-support.js';

/** What carries transactions out. */
export interface TransactionMeans {
  readonly records: Pick<CallRecords, 'decided' | 'completed'>;
  readonly upstream: Pick<Upstream, 'ask' | 'send' | 'base'>;
  readonly support: Pick<TransactionSupport, 'of'>;
  readonly inFlight: InFlightWrites;
  readonly inForce: InForce;
  readonly pages: PageLinks;
  readonly bases: Bases;
  readonly log: Pick<Log, 'error'>;
}

/** What became of a transaction. `refused` and `failed`: nothing of it was carried out, or that is not known. */
export type TransactionOutcome =
  | { readonly kind: 'refused'; readonly answer: FhirError; readonly position: string }
  | { readonly kind: 'failed'; readonly answer: FhirError; readonly position: string }
  | { readonly kind: 'done'; readonly answers: readonly Answered[]; readonly position: string };

/** An entry and the decision of the call that it would be by itself. */
interface Decided {
  readonly one: EntryCall;
  readonly decided: Allowed;
}

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
    const decided: Decided[] = [];
    for (const one of bundle.entries) {
      const decision = this.means.inForce.decide(one.call);
      if (!decision) return await this.#refuse(bundle, one.index, refusalBy(changed, 'not up to date'));
      const refusal = refusalOf(one, decision);
      if (refusal) return await this.#refuse(bundle, one.index, refusal);
      if (decision.outcome === 'allow') decided.push({ one, decided: decision });
    }
    try {
      const planned = await this.#plan(bundle, decided);
      const stopped = bundle.bounds.stopped();
      if (stopped) return await this.#refuse(bundle, undefined, refusalBy(stopped, 'the Bundle was not carried on'));
      return await this.#carryOut(bundle, decided, planned);
    } catch (error) {
      if (!(error instanceof EntryRefused)) throw error;
      return await this.#refuse(bundle, error.index, refusalOfFailure(error.cause));
    }
  }

  /** @throws EntryRefused */
  async #plan(bundle: BundleCall, decided: readonly Decided[]): Promise<readonly PlannedEntry[]> {
    const writes = decided.flatMap(({ one, decided: by }): TransactionWrite[] => {
      const write = writeOf(one, by, bundle, this.#answering(bundle, one));
      return write && one.entry.ok ? [{ index: one.index, fullUrl: one.entry.fullUrl, write }] : [];
    });
    const planned = writes.length === 0 ? [] : await this.#planWrites(writes);
    for (const { one } of readsIn(decided))
      try {
        if (!bundle.bounds.stopped()) await askEntry(one, bundle, this.means);
      } catch (error) {
        throw new EntryRefused(one.index, error);
      }
    return planned;
  }

  async #planWrites(writes: readonly TransactionWrite[]): Promise<readonly PlannedEntry[]> {
    const [first] = writes;
    try {
      const supported = await this.means.support.of();
      const missing = writes.find(({ write }) =>
        write.interaction.kind.endsWith('delete') ? !supported.delete : !supported.atomic,
      );
      if (missing) throw new EntryRefused(missing.index, supported.atomic ? notKept : notAtomic);
      return await planTransaction(writes, supported, this.means.bases.ours);
    } catch (error) {
      if (error instanceof EntryRefused) throw error;
      throw new EntryRefused(first?.index ?? 0, error);
    }
  }

  async #carryOut(
    bundle: BundleCall,
    decided: readonly Decided[],
    planned: readonly PlannedEntry[],
  ): Promise<TransactionOutcome> {
    const position = await this.#record(bundle, decided, planned);
    const { upstream, inFlight, bases } = this.means;
    const means = { upstream, inFlight, bases, outcomes: this.#outcomes };
    const { each: done, failure } = await sendTransaction(bundle, planned, means);
    await Promise.all(
      planned.map(async (each, at) => {
        const what = done[at];
        if (what) await this.#outcomes.completed(each.write, what, this.#patientsOf(each));
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
  async #record(bundle: BundleCall, decided: readonly Decided[], planned: readonly PlannedEntry[]): Promise<string> {
    const { records } = this.means;
    const patients = new Map(planned.map((each) => [each.index, this.#patientsOf(each)]));
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
    const other = refusalBy(refusal.answer, `another entry of its transaction is refused: ${denied.reason}`).denied;
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

  #answering(bundle: BundleCall, one: EntryCall) {
    return answeringOf(bundle, one, this.means.upstream, this.means.bases.ours);
  }

  #patientsOf({ plan }: PlannedEntry): readonly string[] {
    return plan.kind === 'write' ? this.#outcomes.patientsOf(plan.write) : [];
  }
}

function readsIn(decided: readonly Decided[]): readonly Decided[] {
  return decided.filter(({ one }) => !isWrite(one.call.interaction));
}

/** An entry that is refused, or for which the FHIR server could not be asked. */
function refusalOfFailure(cause: unknown): Refusal {
  if (cause instanceof NotAnswered) return refusalBy(cause.answer, cause.reason);
  if (cause instanceof NoLongerAllowed) return refusalBy(changed, 'access changed meanwhile');
  if (cause instanceof WriteUnknown) return refusalBy(cause.answer, 'the upstream could not be asked');
  return refusalBy(toldOfFailure(cause), 'the upstream gave nothing');
}

const notAtomic = new NotAnswered(
  fhirError(
    403,
    'not-supported',
    'The FHIR server does not carry out transactions as a whole and by version, so that none is sent to it; a batch is carried out.',
  ),
  'the upstream keeps no transactions',
);
