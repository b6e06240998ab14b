import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EffectiveAccess } from '#access';
import type { CallLimits } from '#contracts';
import type { Log } from '#host';
import { readBundle } from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import { withOurUrls } from '../answer/our-urls.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { CallLimiter } from '../limit-calls/call-limits.js';
import type { PageLinks } from '../page-links/page-links.js';
import type { CallRecords } from '../proxy/call-records.js';
import { encodedFor } from '../proxy/encode-answer.js';
import type { InForce } from '../proxy/in-force.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import type { FhirError } from '../proxy/operation-outcome.js';
import { forWhom, type JudgedCall } from '../proxy/read-call.js';
import { sendError, sendResource, type Sent } from '../proxy/send-answer.js';
import { changed, type Denied, notCarriedOut, toldOf, tooManyCalls } from '../proxy/tell-refusal.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import { malformed, readWrittenBody } from '../write/read-written-body.js';
import type { Bases } from '../write/write-outcomes.js';
import { Writer } from '../write/writer.js';
import type { WriteSupport } from '../write/write-support.js';
import { preferredBy } from '../write/written-answer.js';
import { type Answered, Batches } from './batches.js';
import { type Allowed, type BundleCall, entryCallOf } from './bundle-call.js';
import { BundleBounds, type BundleLimits } from './bundle-bounds.js';
import { bundleText } from './entry-answer.js';
import { Transactions } from './transactions.js';
import type { TransactionSupport } from './transaction-support.js';

export interface BundleCallMeans {
  readonly records: CallRecords;
  readonly upstream: Pick<Upstream, 'ask' | 'send' | 'base'>;
  readonly support: WriteSupport;
  /** What the FHIR server keeps of transactions. */
  readonly transactions: Pick<TransactionSupport, 'of'>;
  readonly memory: BodyMemory;
  readonly inFlight: InFlightWrites;
  readonly calls: OpenCalls;
  readonly inForce: InForce;
  readonly pages: PageLinks;
  readonly limiter: CallLimiter;
  /** What an application may call whose approval says nothing of it. */
  readonly limits: CallLimits;
  /** The largest body that is taken, in bytes. */
  readonly bodyMost: number;
  /** An update of what is not there creates it, where nothing of its type is hidden. */
  readonly updatesCreate: boolean;
  readonly bundles: BundleLimits;
  /** Our FHIR base, without a slash at its end. */
  readonly base: string;
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/** Answers batches and transactions (R4, RESTful API, 3.1.0.11). */
export class BundleCalls {
  readonly #bases: Bases;
  readonly #batches: Batches;
  readonly #transactions: Transactions;

  constructor(private readonly means: BundleCallMeans) {
    const { records, upstream, support, transactions, inFlight, inForce, pages, base, log } = means;
    const bases = (this.#bases = { upstream: upstream.base, ours: base });
    const writer = new Writer({ records, upstream, support, inFlight, bases, log });
    this.#batches = new Batches({ records, upstream, writer, inForce, pages, bases, log });
    this.#transactions = new Transactions({
      records,
      upstream,
      support: transactions,
      inFlight,
      inForce,
      pages,
      bases,
      log,
    });
  }

  /** @throws NotRecorded when it could not be recorded; nothing of it was then sent */
  async letIn(
    request: IncomingMessage,
    response: ServerResponse,
    call: JudgedCall,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<void> {
    const { inForce, calls } = this.means;
    const isAllowed = () => {
      const now = inForce.decide(call);
      // What was judged under other scopes does not leave, and is not written, under these.
      return now?.outcome === 'allow' && now.granted === decided.granted;
    };
    const memory = this.means.memory.lease();
    const { cut, end } = calls.answering({ applicationId: call.claims.applicationId, isAllowed }, response);
    response.once('close', () => {
      // Whoever goes away before all of it was carried out does not want the rest any more.
      if (!response.writableFinished) cut.abort();
    });
    try {
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const read = await this.#read(request, call, access, memory);
      if ('answer' in read) {
        const position = await this.means.records.decided(call, read.denied, access, read.answer.status);
        sendError(response, read.answer, { 'Gatehouse-Position': position });
        return;
      }
      const whole = { ...call, bundle: read.type };
      await this.#answer(
        response,
        {
          call: whole,
          decided,
          access,
          entries: read.entries.map((entry, index) => entryCallOf(entry, index, whole, this.means.pages)),
          by,
          preferred: preferredBy(request.headers),
          updatesCreate: this.means.updatesCreate,
          bounds: new BundleBounds(this.means.bundles, cut.signal, memory),
        },
        read.type,
      );
    } finally {
      memory.release();
      end();
    }
  }

  /** What is asked, or why it is not taken. */
  async #read(
    request: IncomingMessage,
    { claims }: JudgedCall,
    access: EffectiveAccess | undefined,
    memory: Parameters<typeof readWrittenBody>[3],
  ) {
    const { bodyMost, bundles, limiter, limits } = this.means;
    try {
      const read = readBundle(await readWrittenBody(request, 'create', bodyMost, memory), bundles.entries);
      if (!read.ok) throw malformed(read.reason);
      const more = read.entries.length - 1;
      const tooMany = limiter.countMore(claims.applicationId, more, { ...limits, ...access?.limits });
      if (!tooMany) return read;
      const denied: Denied = tooManyCalls(tooMany);
      return { answer: toldOf(denied, claims), denied };
    } catch (error) {
      if (!(error instanceof NotAnswered)) throw error;
      return { answer: error.answer, denied: notCarriedOut(error) };
    }
  }

  async #answer(response: ServerResponse, bundle: BundleCall, type: 'batch' | 'transaction'): Promise<void> {
    if (type === 'batch') {
      const position = await this.means.records.decided(bundle.call, bundle.decided, bundle.access);
      return await this.#send(response, bundle, type, await this.#batches.answer(bundle), position);
    }
    const outcome = await this.#transactions.carryOut(bundle);
    const { position } = outcome;
    if (outcome.kind === 'done') return await this.#send(response, bundle, type, outcome.answers, position);
    this.#tell(response, bundle, outcome.answer, position);
    if (outcome.kind === 'failed')
      await this.#complete(bundle.call, { status: outcome.answer.status, bytes: 0, ending: 'withheld' });
  }

  async #send(
    response: ServerResponse,
    bundle: BundleCall,
    type: 'batch' | 'transaction',
    answers: readonly Answered[],
    position: string,
  ): Promise<void> {
    const { isAllowed } = bundle.by;
    if (!isAllowed()) {
      const status = this.#tell(response, bundle, changed, position);
      return await this.#completeAll(bundle, answers, { ending: 'withheld', bytes: 0 }, status);
    }
    const { upstream, ours } = this.#bases;
    const text = withOurUrls(
      bundleText(
        type,
        answers.map(({ answer }) => answer),
      ),
      upstream,
      ours,
    );
    const { body, headers } = await encodedFor(response.req, text);
    const own = { 'Gatehouse-Position': position, 'Cache-Control': 'no-store' };
    const sent = await sendResource(response, body, { ...own, ...headers }, isAllowed);
    await this.#completeAll(bundle, answers, sent, 200);
  }

  /** Tells an error; what is in force by now comes first. */
  #tell(response: ServerResponse, { call }: BundleCall, error: FhirError, position: string): number {
    const now = this.means.inForce.decide(call);
    const told = now?.outcome === 'deny' ? toldOf(now, call.claims) : now ? error : changed;
    sendError(response, told, { 'Gatehouse-Position': position });
    return told.status;
  }

  /** Records what left of all that is shown in the answer, and of the whole. */
  async #completeAll(
    { call }: BundleCall,
    answers: readonly Answered[],
    { ending, bytes }: Pick<CompletedAs, 'ending' | 'bytes'> | Sent,
    status: number,
  ): Promise<void> {
    const isSent = bytes > 0;
    const shown = answers.filter(({ isShown }) => isShown);
    await Promise.all([
      this.#complete(call, { status, bytes, ending }),
      ...shown.map(async ({ one, answer }) => {
        const { status: own, resource = '', patients, patientsIncomplete } = answer;
        const ended = { status: own, bytes: isSent ? Buffer.byteLength(resource) : 0, ending };
        const others = isSent && patientsIncomplete ? { patientsIncomplete } : {};
        await this.#complete(one.call, { ...ended, ...others }, isSent ? patients : []);
      }),
    ]);
  }

  async #complete(call: JudgedCall, ended: CompletedAs, patients: readonly string[] = []): Promise<void> {
    try {
      await this.means.records.completed(call, ended, patients);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      this.means.log.error('what became of a call could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }
}

type CompletedAs = Parameters<CallRecords['completed']>[1];
