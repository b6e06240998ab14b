import type { Log } from '#host';
import type { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { ofNobody } from '../answer/whom-it-tells-of.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { CallRecords, RecordedWrite } from '../proxy/call-records.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { changed, notCarriedOut } from '../proxy/tell-refusal.js';
import type { InFlightWrites } from './in-flight-writes.js';
import { type Plan, type PlannedWrite, planWrite, type WriteAsked } from './plan-write.js';
import { type Bases, type Done, whomItWrites, WriteOutcomes, type WriteOf } from './write-outcomes.js';
import type { WriteSupport } from './write-support.js';
import type { WrittenAnswer } from './written-answer.js';

/** What became of it. */
export interface Carried {
  readonly answer: WrittenAnswer | FhirError;
  /** Of the record of the decision. */
  readonly position: string;
}

/** What carries writes out. */
export interface WritingMeans {
  readonly records: Pick<CallRecords, 'decided' | 'completed'>;
  readonly upstream: Pick<Upstream, 'send'>;
  readonly support: Pick<WriteSupport, 'of'>;
  readonly inFlight: InFlightWrites;
  readonly bases: Bases;
  readonly log: Pick<Log, 'error'>;
}

/**
 * Carries writes out: judge what is there and what will be, record, send, record what became of it. Nothing is sent
 * before its record is acknowledged, and nobody is answered before what became of it is recorded.
 */
export class Writer {
  readonly #outcomes: WriteOutcomes;

  constructor(private readonly means: WritingMeans) {
    this.#outcomes = new WriteOutcomes(means.records, means.bases, means.log);
  }

  /** @throws NotRecorded when it could not be recorded; it was then not sent */
  async carryOut(write: WriteOf): Promise<Carried> {
    const plan = await this.#plan(write);
    if (plan.kind === 'refused') return await this.#refuse(write, plan.why);
    const whom = plan.kind === 'write' ? await whomItWrites(plan.write, write.at) : ofNobody;
    const { patients } = whom;
    const position = await this.means.records.decided(write.call, write.decided, write.access, undefined, patients);
    const done = await this.#carryOut(write, plan);
    await this.#outcomes.completed(write, done, whom);
    return { answer: done.answer, position };
  }

  async #plan(write: WriteOf): Promise<Plan | Failed | { readonly kind: 'refused'; readonly why: NotAnswered }> {
    try {
      return await planSupported(write, write.at, this.means.support);
    } catch (error) {
      if (error instanceof NotAnswered) return { kind: 'refused', why: error };
      if (error instanceof UpstreamFailed || error instanceof WriteUnknown)
        return { kind: 'failed', answer: error.answer };
      if (error instanceof NoLongerAllowed) return { kind: 'failed', answer: changed };
      throw error;
    }
  }

  async #refuse({ call, access }: WriteOf, why: NotAnswered): Promise<Carried> {
    const { answer } = why;
    return { answer, position: await this.means.records.decided(call, notCarriedOut(why), access, answer.status) };
  }

  async #carryOut(write: WriteOf, plan: Plan | Failed): Promise<Done> {
    const { type } = write.interaction;
    const unchanged: RecordedWrite = { outcome: 'unchanged', resourceType: type };
    switch (plan.kind) {
      case 'failed':
        return { answer: plan.answer, written: unchanged };
      case 'nothing':
        return { answer: { status: 204, type }, written: unchanged };
      case 'found': {
        const resource = await this.#outcomes.shown(write, plan.id, undefined);
        return { answer: { status: 200, type, id: plan.id, ...(resource ? { resource } : {}) }, written: unchanged };
      }
      case 'write':
        return await this.#send(write, plan.write);
      default:
        return plan satisfies never;
    }
  }

  async #send(write: WriteOf, planned: PlannedWrite): Promise<Done> {
    const unchanged: RecordedWrite = { outcome: 'unchanged', resourceType: planned.type };
    let handedOver: (() => void) | undefined;
    try {
      const said = await this.means.upstream.send(this.#outcomes.asSent(planned), write.by, () => {
        handedOver = this.means.inFlight.begin(write.call.claims.applicationId);
      });
      return await this.#outcomes.of(write, planned, said);
    } catch (error) {
      if (error instanceof WriteUnknown) {
        const id = planned.id === undefined ? {} : { resourceId: planned.id };
        return { answer: error.answer, written: { outcome: 'unknown', resourceType: planned.type, ...id } };
      }
      if (error instanceof UpstreamFailed) return { answer: error.answer, written: unchanged };
      if (error instanceof NoLongerAllowed) return { answer: changed, written: unchanged };
      throw error;
    } finally {
      handedOver?.();
    }
  }
}

/**
 * Plans a write as it may be carried out at a server that keeps versions apart.
 *
 * @throws NotAnswered also where it does not; UpstreamFailed, WriteUnknown
 */
export async function planSupported(
  asked: WriteAsked,
  at: Answering,
  support: Pick<WriteSupport, 'of'>,
): Promise<Plan> {
  const { kind } = asked.interaction;
  const supported = await support.of();
  if (!supported[kind === 'delete' || kind === 'conditional-delete' ? 'delete' : 'update']) throw notKept;
  return await planWrite({ ...asked, updatesCreate: asked.updatesCreate === true && supported.updateCreates }, at);
}

/** The FHIR server could not be asked what there is: nothing was sent. */
interface Failed {
  readonly kind: 'failed';
  readonly answer: FhirError;
}

/** Of a server that ignores `If-Match`. */
export const notKept = new NotAnswered(
  fhirError(403, 'not-supported', 'The FHIR server does not keep versions apart, so that nothing is written to it.'),
  'the upstream ignores If-Match',
);
