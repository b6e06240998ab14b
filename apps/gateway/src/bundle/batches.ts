import type { Log } from '#host';
import { answerCall } from '../answer/answer-call.js';
import type { CheckedAnswer } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { PageLinks } from '../page-links/page-links.js';
import { type CallRecords, NotRecorded } from '../proxy/call-records.js';
import type { InForce } from '../proxy/in-force.js';
import type { FhirError } from '../proxy/operation-outcome.js';
import { changed, notRecorded } from '../proxy/tell-refusal.js';
import type { Writer } from '../write/writer.js';
import type { Bases } from '../write/write-outcomes.js';
import { isFhirError } from '../write/written-answer.js';
import { type Allowed, answeringOf, type BundleCall, type EntryCall, linksOf, writeOf } from './bundle-call.js';
import { type EntryAnswer, errorAnswer, readAnswer, writtenAnswer } from './entry-answer.js';
import { placeholdersIn, type Refusal, refusalBy, refusalOf, refusalOfReferences } from './entry-refusal.js';

/** So many entries that change nothing are asked for at once. */
const AT_ONCE = 8;

/** What carries batches out. */
export interface BatchMeans {
  readonly records: Pick<CallRecords, 'decided' | 'completed'>;
  readonly upstream: Pick<Upstream, 'ask' | 'base'>;
  readonly writer: Writer;
  readonly inForce: InForce;
  readonly pages: PageLinks;
  readonly bases: Bases;
  readonly log: Pick<Log, 'warn'>;
}

/** An entry's answer, and whether it is one that is shown: what left of it is then recorded when the Bundle has left. */
export interface Answered {
  readonly one: EntryCall;
  readonly answer: EntryAnswer;
  readonly isShown: boolean;
}

/** Carries batches out: each entry as the call that it would be by itself, on the same way. */
export class Batches {
  constructor(private readonly means: BatchMeans) {}

  /** The answers to all entries, in their order; each decision is on record. */
  async answer(bundle: BundleCall): Promise<readonly Answered[]> {
    const { entries } = bundle;
    const names = placeholdersIn(entries);
    const answers: Answered[] = [];
    for (const some of inTurns(entries))
      answers.push(...(await Promise.all(some.map(async (one) => await this.#answer(one, bundle, names)))));
    return answers;
  }

  async #answer(one: EntryCall, bundle: BundleCall, names: ReadonlySet<string>): Promise<Answered> {
    const bare = (error: FhirError): Answered => ({ one, answer: errorAnswer(error), isShown: false });
    try {
      const stopped = bundle.bounds.stopped();
      if (stopped === notRecorded) return bare(stopped);
      const decision = this.means.inForce.decide(one.call);
      if (!decision) return bare(changed);
      const refusal =
        refusalOf(one, decision) ??
        refusalOfReferences(one, names) ??
        (stopped && refusalBy(stopped, 'the Bundle was not carried on'));
      if (refusal) return bare(await this.#refuse(one, refusal, bundle));
      return decision.outcome === 'allow' ? await this.#carryOut(one, decision, bundle) : bare(changed);
    } catch (error) {
      if (!(error instanceof NotRecorded)) throw error;
      this.means.log.warn('an entry of a batch could not be recorded', error);
      bundle.bounds.stop(notRecorded);
      return bare(notRecorded);
    }
  }

  async #refuse({ call }: EntryCall, { answer, denied }: Refusal, { access }: BundleCall): Promise<FhirError> {
    await this.means.records.decided(call, denied, access, answer.status);
    return answer;
  }

  async #carryOut(one: EntryCall, decided: Allowed, bundle: BundleCall): Promise<Answered> {
    const { upstream, writer, bases } = this.means;
    const at = answeringOf(bundle, one, upstream, bases.ours);
    const write = writeOf(one, decided, bundle, at);
    if (!write) return await this.#read(one, decided, bundle);
    const { answer } = await writer.carryOut(write);
    const told = isFhirError(answer) ? errorAnswer(answer) : writtenAnswer(answer, bases, bundle.bounds);
    return { one, answer: told, isShown: false };
  }

  async #read(one: EntryCall, decided: Allowed, bundle: BundleCall): Promise<Answered> {
    const { records } = this.means;
    const asked = askEntry(one, bundle, this.means);
    const recorded = records.decided(one.call, decided, bundle.access);
    const [answer, record] = await Promise.allSettled([asked, recorded]);
    if (record.status === 'rejected') throw record.reason;
    if (answer.status === 'fulfilled')
      return { one, answer: readAnswer(answer.value, one.entry, this.means.bases, bundle.bounds), isShown: true };
    const told = toldOfFailure(answer.reason);
    const ending = answer.reason instanceof UpstreamFailed ? 'upstream-failed' : 'withheld';
    await records.completed(one.call, { status: told.status, bytes: 0, ending });
    return { one, answer: errorAnswer(told), isShown: false };
  }
}

/** Entries that are carried out together, in turn: what changes something stands alone, so that what comes after sees it. */
export function* inTurns(entries: readonly EntryCall[]): Iterable<readonly EntryCall[]> {
  for (let from = 0; from < entries.length;) {
    const rest = entries.slice(from, from + AT_ONCE);
    const ends = rest.findIndex(({ call }) => !isRead(call.interaction.kind));
    const together = ends < 0 ? rest : rest.slice(0, Math.max(ends, 1));
    yield together;
    from += together.length;
  }
}

/** Whether an entry can only show something. */
function isRead(kind: EntryCall['call']['interaction']['kind']): boolean {
  return ['read', 'vread', 'search-type', 'search-system', 'history-instance', 'history-type', 'operation'].includes(
    kind,
  );
}

/**
 * What an entry that reads shows.
 *
 * @throws NotAnswered, UpstreamFailed, NoLongerAllowed
 */
export async function askEntry(
  one: EntryCall,
  bundle: BundleCall,
  { upstream, pages, bases }: Pick<BatchMeans, 'upstream' | 'pages' | 'bases'>,
): Promise<CheckedAnswer> {
  const { call } = one;
  const at = answeringOf(bundle, one, upstream, bases.ours);
  return await answerCall(call.interaction, call.from, linksOf(bundle, bases.ours, pages), at);
}

/** What the caller is told where the FHIR server gave nothing that may be shown. */
export function toldOfFailure(reason: unknown): FhirError {
  if (reason instanceof NoLongerAllowed) return changed;
  if (reason instanceof NotAnswered || reason instanceof UpstreamFailed) return reason.answer;
  throw reason;
}
