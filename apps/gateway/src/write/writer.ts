import type { EffectiveAccess } from '#access';
import type { Log } from '#host';
import { type FhirResource, isResourceType, patientsIn, type WriteInteraction } from '#smart';
import { type Answering, NotAnswered } from '../answer/answering.js';
import { withOurUrls } from '../answer/our-urls.js';
import { type AskedFor, NoLongerAllowed, type Upstream, UpstreamFailed } from '../ask-upstream/upstream.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { CallRecords, RecordedCall, RecordedWrite } from '../proxy/call-records.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { changed } from '../proxy/tell-refusal.js';
import type { InFlightWrites } from './in-flight-writes.js';
import { type Plan, type PlannedWrite, planWrite, type WriteAsked } from './plan-write.js';
import type { WriteSupport } from './write-support.js';
import {
  isFhirError,
  outcomeOf,
  type Preferred,
  representation,
  toldOfWrite,
  versionIdIn,
  whereWritten,
  type WrittenAnswer,
} from './written-answer.js';

/** A write of somebody, allowed by the request alone. */
export interface WriteOf extends WriteAsked {
  readonly call: RecordedCall & { readonly interaction: WriteInteraction };
  readonly decided: Extract<CallDecision, { readonly outcome: 'allow' }>;
  readonly access: EffectiveAccess | undefined;
  readonly preferred: Preferred;
  readonly at: Answering;
  readonly by: AskedFor;
}

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
  /** Base URLs without a slash at their ends: the FHIR server's, and ours. */
  readonly bases: { readonly upstream: string; readonly ours: string };
  readonly log: Pick<Log, 'error'>;
}

interface Done {
  readonly answer: WrittenAnswer | FhirError;
  readonly written: RecordedWrite;
}

/**
 * Carries writes out: judge what is there and what will be, record, send, record what became of it. Nothing is sent
 * before its record is acknowledged, and nobody is answered before what became of it is recorded.
 */
export class Writer {
  constructor(private readonly means: WritingMeans) {}

  /** @throws NotRecorded when it could not be recorded; it was then not sent */
  async carryOut(write: WriteOf): Promise<Carried> {
    const plan = await this.#plan(write);
    if (plan.kind === 'refused') return await this.#refuse(write, plan.why);
    const patients = this.#patientsOf(plan);
    const position = await this.means.records.decided(write.call, write.decided, write.access, undefined, patients);
    const done = await this.#carryOut(write, plan);
    await this.#completed(write, done, patients);
    return { answer: done.answer, position };
  }

  async #plan(write: WriteOf): Promise<Plan | Failed | { readonly kind: 'refused'; readonly why: NotAnswered }> {
    try {
      const isDeletion = write.interaction.kind === 'delete' || write.interaction.kind === 'conditional-delete';
      const supported = await this.means.support.of();
      if (!supported[isDeletion ? 'delete' : 'update']) return { kind: 'refused', why: notKept };
      return await planWrite(write, write.at);
    } catch (error) {
      if (error instanceof NotAnswered) return { kind: 'refused', why: error };
      if (error instanceof UpstreamFailed || error instanceof WriteUnknown)
        return { kind: 'failed', answer: error.answer };
      if (error instanceof NoLongerAllowed) return { kind: 'failed', answer: changed };
      throw error;
    }
  }

  async #refuse({ call, access }: WriteOf, { answer, reason }: NotAnswered): Promise<Carried> {
    const detail = answer.body.issue[0].diagnostics;
    const denied = { outcome: 'deny', kind: 'request', reason, detail, wouldAllow: [] } as const;
    return { answer, position: await this.means.records.decided(call, denied, access, answer.status) };
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
        const resource = await this.#shown(write, plan.id, undefined);
        return { answer: { status: 200, type, id: plan.id, ...(resource ? { resource } : {}) }, written: unchanged };
      }
      case 'write':
        return await this.#send(write, plan.write);
      default:
        return plan satisfies never;
    }
  }

  async #send(write: WriteOf, planned: PlannedWrite): Promise<Done> {
    const { type, verb } = planned;
    const unchanged: RecordedWrite = { outcome: 'unchanged', resourceType: type };
    let handedOver: (() => void) | undefined;
    try {
      const said = await this.means.upstream.send(this.#asSent(planned), write.by, () => {
        handedOver = this.means.inFlight.begin(write.call.claims.applicationId);
      });
      const outcome = outcomeOf(said.status);
      const known = {
        ...(planned.verb === 'create' ? {} : { id: planned.id }),
        ...(outcome === 'changed' ? whereWritten(type, said) : {}),
      };
      // The server may answer about another resource: the one that was asked about is the one that was judged.
      const id = planned.verb === 'create' ? known.id : planned.id;
      const versionId = outcome === 'changed' && verb !== 'delete' ? versionIdIn(known.etag) : undefined;
      const written: RecordedWrite = {
        outcome,
        resourceType: type,
        ...(id === undefined ? {} : { resourceId: id }),
        ...(versionId === undefined ? {} : { versionId }),
      };
      if (outcome !== 'changed') return { answer: toldOfWrite(said.status, write.ifMatch !== undefined), written };
      if (verb === 'delete') return { answer: { status: 204, type }, written };
      const resource = await this.#shown(write, id, said.resource);
      return {
        written,
        answer: {
          status: verb === 'create' ? 201 : 200,
          type,
          ...(id === undefined ? {} : { id }),
          ...(known.etag === undefined ? {} : { etag: known.etag }),
          ...(said.lastModified === undefined ? {} : { lastModified: said.lastModified }),
          ...(resource ? { resource } : {}),
        },
      };
    } catch (error) {
      if (error instanceof WriteUnknown) {
        const id = planned.verb === 'create' ? {} : { resourceId: planned.id };
        return { answer: error.answer, written: { outcome: 'unknown', resourceType: type, ...id } };
      }
      if (error instanceof UpstreamFailed) return { answer: error.answer, written: unchanged };
      if (error instanceof NoLongerAllowed) return { answer: changed, written: unchanged };
      throw error;
    } finally {
      handedOver?.();
    }
  }

  #asSent(planned: PlannedWrite) {
    const { upstream, ours } = this.means.bases;
    // What a caller names by our URLs is the server's own.
    const bodyOf = (after: FhirResource) => withOurUrls(JSON.stringify(after), ours, upstream);
    switch (planned.verb) {
      case 'create':
        return { method: 'POST', target: `/${planned.type}`, body: bodyOf(planned.after) } as const;
      case 'update':
        return {
          method: 'PUT',
          target: `/${planned.type}/${planned.id}`,
          body: bodyOf(planned.after),
          ifMatch: planned.ifMatch,
        } as const;
      case 'delete':
        return { method: 'DELETE', target: `/${planned.type}/${planned.id}`, ifMatch: planned.ifMatch } as const;
      default:
        return planned satisfies never;
    }
  }

  /** What is shown of it; that it cannot be had now does not undo the write. */
  async #shown(write: WriteOf, id: string | undefined, given: unknown): Promise<FhirResource | undefined> {
    try {
      return await representation(write.interaction.type, id, given, write.preferred, write.at);
    } catch (error) {
      if (error instanceof UpstreamFailed || error instanceof NoLongerAllowed || error instanceof NotAnswered)
        return undefined;
      throw error;
    }
  }

  async #completed({ call, by }: WriteOf, { answer, written }: Done, patients: readonly string[]): Promise<void> {
    const resource = isFhirError(answer) ? undefined : answer.resource;
    const ending =
      written.outcome === 'unknown' || (isFhirError(answer) && answer.status >= 500)
        ? 'upstream-failed'
        : !by.isAllowed()
          ? 'withheld'
          : 'sent';
    const bytes = resource && ending === 'sent' ? Buffer.byteLength(JSON.stringify(resource)) : 0;
    const told = [...patients, ...this.#patientsIn(resource)];
    try {
      await this.means.records.completed(call, { status: answer.status, bytes, ending, written }, told);
    } catch (error) {
      // It is recorded that it was sent; that its result is not is a gap in the run, which the audit sees.
      this.means.log.error('what became of a write could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }

  #patientsOf(plan: Plan | Failed): readonly string[] {
    if (plan.kind !== 'write') return [];
    const { write } = plan;
    const before = write.verb === 'create' ? undefined : write.before;
    const after = write.verb === 'delete' ? undefined : write.after;
    return [...this.#patientsIn(before), ...this.#patientsIn(after)];
  }

  #patientsIn(resource: FhirResource | undefined): readonly string[] {
    if (!resource || !isResourceType(resource.resourceType)) return [];
    const { upstream, ours } = this.means.bases;
    return patientsIn(resource, resource.resourceType, [upstream, ours]);
  }
}

/** The FHIR server could not be asked what there is: nothing was sent. */
interface Failed {
  readonly kind: 'failed';
  readonly answer: FhirError;
}

const notKept = new NotAnswered(
  fhirError(403, 'not-supported', 'The FHIR server does not keep versions apart, so that nothing is written to it.'),
  'the upstream ignores If-Match',
);
