import type { EffectiveAccess } from '#access';
import type { Log } from '#host';
import { type FhirResource, isResourceType, patientsNamedIn, type WriteInteraction } from '#smart';
import type { Answering } from '../answer/answering.js';
import { incompleteUnless, ofNobody, together, type ToldOf, whomItTellsOf } from '../answer/whom-it-tells-of.js';
import { NotAnswered } from '../answer/not-answered.js';
import { asServerTakesIt } from '../answer/our-urls.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { UpstreamWrite, UpstreamWritten } from '../ask-upstream/upstream-write.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { CallRecords, RecordedCall, RecordedWrite } from '../proxy/call-records.js';
import type { FhirError } from '../proxy/operation-outcome.js';
import type { PlannedWrite, WriteAsked } from './plan-write.js';
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

/** What became of a write. */
export interface Done {
  readonly answer: WrittenAnswer | FhirError;
  readonly written: RecordedWrite;
}

/** Base URLs without a slash at their ends: the FHIR server's, and ours. */
export interface Bases {
  readonly upstream: string;
  readonly ours: string;
}

/** What becomes of writes: as the server says it, as callers are told, as it is recorded. */
export class WriteOutcomes {
  constructor(
    private readonly records: Pick<CallRecords, 'completed'>,
    private readonly bases: Bases,
    private readonly log: Pick<Log, 'error'>,
  ) {}

  /** A write as it is sent. What a caller names by our URLs is the server's own. */
  asSent(planned: PlannedWrite): UpstreamWrite {
    const { upstream, ours } = this.bases;
    const bodyOf = (after: FhirResource) => asServerTakesIt(JSON.stringify(after), ours, upstream);
    switch (planned.verb) {
      case 'create':
        return planned.id === undefined
          ? { method: 'POST', target: `/${planned.type}`, body: bodyOf(planned.after) }
          : // Nothing is overwritten that came to be there meanwhile: that the server keeps it was found out.
            {
              method: 'PUT',
              target: `/${planned.type}/${planned.id}`,
              body: bodyOf(planned.after),
              ifNoneMatch: '*',
            };
      case 'update':
        return {
          method: 'PUT',
          target: `/${planned.type}/${planned.id}`,
          body: bodyOf(planned.after),
          ifMatch: planned.ifMatch,
        };
      case 'delete':
        return { method: 'DELETE', target: `/${planned.type}/${planned.id}`, ifMatch: planned.ifMatch };
      default:
        return planned satisfies never;
    }
  }

  /** What became of a write that the server answered. */
  async of(write: WriteOf, planned: PlannedWrite, said: UpstreamWritten): Promise<Done> {
    const { type, verb } = planned;
    const outcome = outcomeOf(said.status);
    const known = {
      ...(planned.id === undefined ? {} : { id: planned.id }),
      ...(outcome === 'changed' ? whereWritten(type, said) : {}),
    };
    // The server may answer about another resource: the one that was asked about is the one that was judged.
    const id = planned.id ?? known.id;
    const versionId = outcome === 'changed' && verb !== 'delete' ? versionIdIn(known.etag) : undefined;
    const written: RecordedWrite = {
      outcome,
      resourceType: type,
      ...(id === undefined ? {} : { resourceId: id }),
      ...(versionId === undefined ? {} : { versionId }),
    };
    if (outcome !== 'changed') {
      // Not allowed: a server by which no update creates (R4, RESTful API, 3.1.0.4.1). Then there is no such resource.
      const status = verb === 'create' && planned.id !== undefined && said.status === 405 ? 404 : said.status;
      return { answer: toldOfWrite(status, write.ifMatch !== undefined), written };
    }
    if (verb === 'delete') return { answer: { status: 204, type }, written };
    const resource = await this.shown(write, id, said.resource);
    return {
      written,
      answer: {
        // Nothing was there: servers were seen to answer 200 to an update that created.
        status: verb === 'create' ? 201 : 200,
        type,
        ...(id === undefined ? {} : { id }),
        ...(known.etag === undefined ? {} : { etag: known.etag }),
        ...(said.lastModified === undefined ? {} : { lastModified: said.lastModified }),
        ...(resource ? { resource } : {}),
      },
    };
  }

  /** What is shown of it; that it cannot be had now does not undo the write. */
  async shown(write: WriteOf, id: string | undefined, given: unknown): Promise<FhirResource | undefined> {
    try {
      return await representation(write.interaction.type, id, given, write.preferred, write.at);
    } catch (error) {
      if (error instanceof UpstreamFailed || error instanceof NoLongerAllowed || error instanceof NotAnswered)
        return undefined;
      throw error;
    }
  }

  /** Records what became of a write. */
  async completed({ call, by }: WriteOf, { answer, written }: Done, { patients, areAll }: ToldOf): Promise<void> {
    const resource = isFhirError(answer) ? undefined : answer.resource;
    const ending =
      written.outcome === 'unknown' || (isFhirError(answer) && answer.status >= 500)
        ? 'upstream-failed'
        : !by.isAllowed()
          ? 'withheld'
          : 'sent';
    const bytes = resource && ending === 'sent' ? Buffer.byteLength(JSON.stringify(resource)) : 0;
    const told = [...patients, ...patientsIn(resource, this.bases)];
    try {
      await this.records.completed(
        call,
        { status: answer.status, bytes, ending, written, ...incompleteUnless(areAll) },
        told,
      );
    } catch (error) {
      // It is recorded that it was sent; that its result is not is a gap in the run, which the audit sees.
      this.log.error('what became of a write could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }
}

/** Whom a write is about, before and after. */
export async function whomItWrites(planned: PlannedWrite, before: Answering, after = before): Promise<ToldOf> {
  const was = planned.verb === 'create' ? undefined : planned.before;
  const willBe = planned.verb === 'delete' ? undefined : planned.after;
  return together(
    was ? await whomItTellsOf(was, before.sight.bases, before) : ofNobody,
    willBe ? await whomItTellsOf(willBe, after.sight.bases, after) : ofNobody,
  );
}

function patientsIn(resource: FhirResource | undefined, { upstream, ours }: Bases): readonly string[] {
  if (!resource || !isResourceType(resource.resourceType)) return [];
  return patientsNamedIn(resource, resource.resourceType, [upstream, ours]);
}
