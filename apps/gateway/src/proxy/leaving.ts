import type { ServerResponse } from 'node:http';
import type { Log } from '#host';
import type { FhirResource } from '#smart';
import type { CheckedAnswer } from '../answer/answering.js';
import { patientsOf } from '../answer/named-patients.js';
import { NotAnswered } from '../answer/not-answered.js';
import { isNotModified } from '../answer/not-modified.js';
import { OurUrlsInPieces, withOurUrls } from '../answer/our-urls.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { isOver } from '../believe-token/access-token-claims.js';
import { isAsBegun } from '../pass-large-body/large-read.js';
import type { CallRecords, RecordedCall, RecordedWrite } from './call-records.js';
import { encodedFor, encodedPieces } from './encode-answer.js';
import { FHIR_JSON, sendError, sendNotModified, sendPieces, sendResource, type Sent } from './send-answer.js';
import { changed, type Denied, toldOf } from './tell-refusal.js';

/** A call that was let in and whose decision is recorded. */
export interface LetIn {
  readonly call: RecordedCall;
  readonly response: ServerResponse;
  /** Of the decision's record. */
  readonly position: Readonly<Record<string, string>>;
}

/** What leaves of a call that was let in, and the record of it. */
export class Leaving {
  readonly #bases: readonly string[];

  constructor(
    private readonly records: Pick<CallRecords, 'completed'>,
    /** Base URLs without a slash at their ends: the FHIR server's, and ours. */
    private readonly bases: { readonly upstream: string; readonly ours: string },
    private readonly log: Pick<Log, 'warn' | 'error'>,
  ) {
    this.#bases = [bases.upstream, bases.ours];
  }

  /**
   * Sends a checked answer, as long as `isAllowed` says so.
   *
   * @throws UpstreamFailed, NotAnswered, NoLongerAllowed where a large answer failed before anything left
   */
  async send({ call, response, position }: LetIn, answer: CheckedAnswer, isAllowed: () => boolean): Promise<void> {
    const { resource, text, etag, lastModified, large, about = [] } = answer;
    const headers = {
      ...position,
      ...(etag === undefined ? {} : { ETag: etag }),
      ...(lastModified === undefined ? {} : { 'Last-Modified': lastModified }),
      'Cache-Control': 'private, no-cache',
      // A file could be read as a page of ours.
      ...(resource.resourceType === 'Binary' ? { 'Content-Disposition': 'attachment' } : {}),
    };
    if (isNotModified(response.req.headers, answer)) {
      large?.rest.destroy();
      sendNotModified(response, headers);
      await this.#complete(call, { status: 304, bytes: 0, ending: 'sent' }, patientsTold(answer, this.#bases));
      return;
    }
    if (large) {
      await this.#sendLarge({ call, response, position }, resource, about, large, headers, isAllowed);
      return;
    }
    const json = withOurUrls(text ?? JSON.stringify(resource), this.bases.upstream, this.bases.ours);
    const { body, headers: encoding } = await encodedFor(response.req, json);
    const sent = await sendResource(response, body, { ...headers, ...encoding }, isAllowed);
    const others = hasTold(sent) ? othersTold(answer) : {};
    const patients = hasTold(sent) ? patientsTold(answer, this.#bases) : [];
    await this.#complete(call, { status: 200, ...sent, ...others }, patients);
  }

  /** Sends a resource while it comes; what its end should say otherwise than its beginning cuts it. */
  async #sendLarge(
    letIn: LetIn,
    begun: FhirResource,
    about: readonly FhirResource[],
    { body, rest, bounds }: NonNullable<CheckedAnswer['large']>,
    headers: Readonly<Record<string, string>>,
    isAllowed: () => boolean,
  ): Promise<void> {
    const { call, response } = letIn;
    const { upstream, ours } = this.bases;
    const patients = () => [body.resource ?? begun, ...about].flatMap((it) => patientsOf(it, this.#bases));
    // Who else it is about may stand in what was not read.
    const ofAll = (bytes: number) => (bytes === 0 || body.isWhole ? {} : { patientsIncomplete: true as const });
    const isHead = response.req.method === 'HEAD';
    // It may take longer than the token counts.
    const mayGoOn = () => isAllowed() && !isOver(call.claims);
    if (isHead) rest.destroy();
    const urls = new OurUrlsInPieces(upstream, ours);
    const all = isHead ? noPieces() : body.pieces({ rest, bounds }, urls, (whole) => isAsBegun(begun, whole));
    const { pieces, headers: encoding } = encodedPieces(response.req, all);
    let bytes = 0;
    const counted = async function* () {
      for await (const piece of pieces) {
        yield piece;
        bytes += piece.length;
      }
    };
    try {
      const sent = await sendPieces(
        response,
        counted(),
        { 'Content-Type': FHIR_JSON, ...headers, ...encoding },
        mayGoOn,
      );
      await this.#complete(call, { status: 200, ...sent, ...ofAll(sent.bytes) }, hasTold(sent) ? patients() : []);
    } catch (error) {
      if (!response.headersSent) throw error;
      this.log.warn('a large answer broke off', error, { applicationId: call.claims.applicationId });
      await this.#complete(call, { status: 200, bytes, ending: 'upstream-failed', ...ofAll(bytes) }, patients());
    } finally {
      rest.destroy();
    }
  }

  /**
   * Access was closed, the token ended or the lease lapsed while the upstream worked: what it gave stays here.
   *
   * @param written of a write, with whom it is about
   */
  async withhold(
    { call, response, position }: LetIn,
    now: Denied | undefined,
    written?: { readonly written: RecordedWrite; readonly patientsIncomplete?: true },
    patients: readonly string[] = [],
  ): Promise<void> {
    const denied = now ?? (isOver(call.claims) ? expired : undefined);
    const error = denied ? toldOf(denied, call.claims) : changed;
    sendError(response, error, position);
    await this.#complete(call, { status: error.status, bytes: 0, ending: 'withheld', ...written }, patients);
  }

  /** The FHIR server gave nothing that may leave. */
  async notAnswered(letIn: LetIn, reason: unknown): Promise<void> {
    const { call, response, position } = letIn;
    if (reason instanceof NoLongerAllowed) return await this.withhold(letIn, undefined);
    const checked = reason instanceof NotAnswered;
    if (!checked && !(reason instanceof UpstreamFailed)) throw reason;
    if (checked && reason.answer.status >= 500)
      this.log.warn('an answer of the upstream was not handed on', undefined, { reason: reason.reason });
    const { answer } = reason;
    const gone = response.destroyed;
    sendError(response, answer, position);
    const ending = gone ? 'caller-gone' : checked ? 'withheld' : 'upstream-failed';
    await this.#complete(call, { status: answer.status, bytes: 0, ending });
  }

  async #complete(
    call: RecordedCall,
    ended: Parameters<CallRecords['completed']>[1],
    patients: readonly string[] = [],
  ): Promise<void> {
    try {
      await this.records.completed(call, ended, patients);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      this.log.error('what became of a call could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }
}

const expired: Denied = {
  outcome: 'deny',
  kind: 'token',
  reason: 'expired',
  detail: 'The token expired while the answer was awaited.',
  wouldAllow: [],
};

/** The head of an answer to HEAD says that there is something. */
function hasTold({ bytes, ending }: Sent): boolean {
  return bytes > 0 || ending === 'sent';
}

// eslint-disable-next-line require-yield -- HEAD has none
async function* noPieces(): AsyncGenerator<Buffer, void> {
  return;
}

/** The patients of whom an answer tells, if only that there is something: by what it shows in part, or counts, too. */
export function patientsTold(
  { resource, about = [resource] }: Pick<CheckedAnswer, 'resource' | 'about'>,
  bases: readonly string[],
): readonly string[] {
  return about.flatMap((each) => patientsOf(each, bases));
}

/** For the record of an answer that tells of more than it names. */
export function othersTold({ isAboutOthers }: Pick<CheckedAnswer, 'isAboutOthers'>): {
  readonly patientsIncomplete?: true;
} {
  return isAboutOthers === true ? { patientsIncomplete: true } : {};
}
