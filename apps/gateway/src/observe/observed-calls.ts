import type { IncomingMessage, ServerResponse } from 'node:http';
import { coversEndpoint, type EffectiveAccess } from '#access';
import type { CallLimits } from '#contracts';
import type { Log } from '#host';
import { isResource } from '#smart';
import { Answering } from '../answer/answering.js';
import { isNotModified } from '../answer/not-modified.js';
import { withOurUrls } from '../answer/our-urls.js';
import { BundleLinks } from '../answer/paging.js';
import { incompleteUnless, ofNobody, together, whomItTellsOf } from '../answer/whom-it-tells-of.js';
import type { BodyLease, BodyMemory } from '../ask-upstream/body-memory.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { BundleLimits } from '../bundle/bundle-bounds.js';
import type { TransactionSupport } from '../bundle/transaction-support.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { CallLimiter } from '../limit-calls/call-limits.js';
import type { PageLinks } from '../page-links/page-links.js';
import {
  type CallRecords,
  positionHeader,
  type RecordedObservation,
  type RecordedWrite,
} from '../proxy/call-records.js';
import { encodedFor } from '../proxy/encode-answer.js';
import type { InForce } from '../proxy/in-force.js';
import type { Leaving } from '../proxy/leaving.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { forWhom, isOursAlone, type JudgedCall, ownerOf } from '../proxy/read-call.js';
import { readBounded } from '../proxy/read-form.js';
import { changed, toldOf } from '../proxy/tell-refusal.js';
import { sendEmpty, sendError, sendResource } from '../proxy/send-answer.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import type { WriteSupport } from '../write/write-support.js';
import { type BundleEnded, ObservedBundles } from './observed-bundles.js';
import { outcomeOfFailure, typeOf, writtenBy } from './observed-write.js';
import type { BundleJudging } from './judge-bundle.js';
import { type Planned, planObserved } from './plan-observed.js';
import type { Observing } from './observing.js';
import { mayPass, type PassedBack, passedBack, passedOn } from './passed-on.js';
import { nothingWouldHaveLeft, wouldHaveLeft } from './would-have-left.js';
import { showsInPart } from './shows-in-part.js';

/** A request with what it says below the FHIR base. */
export interface ObservedRequest {
  readonly request: IncomingMessage;
  /** Path and query, as sent. */
  readonly target: { readonly path: string; readonly query: string };
  /** The body of a search by POST, which was read already. */
  readonly form: string;
}

export interface ObservedCallMeans {
  readonly observing: Observing;
  readonly records: CallRecords;
  readonly upstream: Pick<Upstream, 'ask' | 'pass' | 'base'>;
  readonly memory: BodyMemory;
  readonly inFlight: InFlightWrites;
  readonly calls: OpenCalls;
  readonly inForce: InForce;
  readonly pages: PageLinks;
  readonly leaving: Leaving;
  /** The largest body that is taken, in bytes. */
  readonly bodyMost: number;
  readonly support: Pick<WriteSupport, 'of'>;
  /** What the FHIR server keeps of transactions. */
  readonly transactions: Pick<TransactionSupport, 'of'>;
  readonly bundles: BundleLimits;
  readonly limiter: Pick<CallLimiter, 'countMore'>;
  /** What an application may call whose approval says nothing of it. */
  readonly limits: CallLimits;
  /** An update of what is not there creates it, where nothing of its type is hidden. */
  readonly updatesCreate: boolean;
  /** Our FHIR base, without a slash at its end. */
  readonly base: string;
  readonly log: Pick<Log, 'error'>;
  /** One call ended, of which enforcement would have made this. */
  readonly onObserved: (outcome: RecordedObservation['outcome']) => void;
}

type Call = JudgedCall & { readonly observed: true };

/** A call whose decision is recorded, as it is answered. */
interface Answered {
  readonly call: Call;
  readonly response: ServerResponse;
  /** Of the decision's record, and the mode. */
  readonly position: Readonly<Record<string, string>>;
}

interface Under extends Planned {
  readonly call: Call;
  readonly by: AskedFor;
  readonly at: Answering;
}

/** Said in every answer to an observed call. */
const MODE = { 'Gatehouse-Mode': 'observe' } as const;

/**
 * Answers observed calls: what would be decided is decided and recorded, before anything leaves, and the request goes
 * on as it came. A token that does not count, access that was closed, a lease that ran out and the bounds that keep
 * this process up hold as ever.
 */
export class ObservedCalls {
  readonly #bundles: ObservedBundles;

  constructor(private readonly means: ObservedCallMeans) {
    this.#bundles = new ObservedBundles({ ...means, bases: this.#bases });
  }

  get #judging(): BundleJudging {
    const { transactions, support } = this.means;
    return { ...this.means, support: transactions, writes: support, bases: this.#bases };
  }

  get #bases() {
    return { upstream: this.means.upstream.base, ours: this.means.base };
  }

  /** Whether a call whose token counts is observed. What could mean something outside the FHIR API is not. */
  covers(call: JudgedCall, access: EffectiveAccess | undefined, path: string): boolean {
    return (
      this.means.observing.covers(call.claims.applicationId, call.interaction) &&
      access !== undefined &&
      coversEndpoint(access, call.claims.endpoint) &&
      !isOursAlone(call) &&
      mayPass(call.method, path)
    );
  }

  /** @throws NotRecorded when it could not be recorded; nothing of it then left */
  async letIn(
    asked: ObservedRequest,
    response: ServerResponse,
    judged: JudgedCall,
    decision: CallDecision,
    access: EffectiveAccess | undefined,
  ): Promise<FhirError | undefined> {
    const { inForce, calls, memory: all, upstream, base } = this.means;
    const call: Call = { ...judged, observed: true };
    const memory = all.lease();
    const isAllowed = () => {
      const now = inForce.decide(call);
      const still = inForce.accessOf(call.claims);
      const counts = now !== undefined && (now.outcome === 'allow' || now.kind !== 'token');
      return counts && still !== undefined && coversEndpoint(still, call.claims.endpoint);
    };
    const { cut, end } = calls.answering({ applicationId: call.claims.applicationId, isAllowed }, response);
    response.once('close', () => {
      if (!response.writableFinished) cut.abort();
      end();
    });
    try {
      const body = await this.#bodyOf(asked, memory);
      if ('status' in body) return body;
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const granted = decision.outcome === 'allow' ? decision.granted : [];
      const sight = { scopes: granted, reaches: call.reaches, bases: [upstream.base, base] };
      const at = new Answering(sight, upstream.base, async (target) => await upstream.ask(target, by), call.rights);
      const planned = await planObserved(
        decision,
        { call, by, at, access, headers: asked.request.headers, body },
        this.#judging,
      );
      const named = planned.bundle ? { ...call, bundle: planned.bundle.type } : call;
      return await this.#pass(asked, response, body, { call: named, by, at, ...planned }, access);
    } finally {
      memory.release();
      end();
    }
  }

  async #bodyOf({ request, form }: ObservedRequest, memory: BodyLease): Promise<Buffer | FhirError> {
    if (form !== '') return Buffer.from(form);
    const { bodyMost } = this.means;
    const body = await readBounded(request, bodyMost);
    if (!body) return fhirError(413, 'too-long', `A body has at most ${bodyMost} bytes.`);
    return memory.take(body.length) ? body : noMemory;
  }

  async #pass(
    asked: ObservedRequest,
    response: ServerResponse,
    body: Buffer,
    under: Under,
    access: EffectiveAccess | undefined,
  ): Promise<undefined> {
    const { records, upstream, inFlight, pages, base, inForce } = this.means;
    const { call, decided, by, whom, bundle } = under;
    const passed = passedOn(asked.request, asked.target, call, body);
    let handedOver: (() => void) | undefined;
    const send = async () =>
      await upstream.pass(passed, by, () => {
        handedOver = passed.mayChange ? inFlight.begin(call.claims.applicationId) : () => undefined;
      });
    const decide = async () => {
      const position = await records.decidedAsWanted(call, decided, access, undefined, whom.patients);
      if (bundle) await this.#bundles.decided(bundle, access);
      return position;
    };
    try {
      // What may change data is recorded before it goes on.
      const position = passed.mayChange ? await decide() : undefined;
      const [answer, recorded] = await Promise.allSettled([send(), passed.mayChange ? position : decide()]);
      if (recorded.status === 'rejected') throw recorded.reason;
      const letIn = { call, response, position: { ...MODE, ...positionHeader(recorded.value) } };
      if (answer.status === 'rejected') {
        await this.#failed(letIn, under, answer.reason, passed.mayChange, handedOver !== undefined);
        return;
      }
      const links = new BundleLinks(base, pages, ownerOf(call.claims));
      const back = passedBack(answer.value, call.interaction, links, this.#bases, withOurUrls);
      // Of a Bundle its entries say it.
      const written = passed.mayChange && !bundle ? writtenBy(call, back) : undefined;
      if (!by.isAllowed()) {
        const now = inForce.decide(call);
        const { status, json } = back;
        await this.#completeEntries(under, { status, json, ending: 'withheld', isSent: false });
        await this.#withhold(letIn, under, now?.outcome === 'deny' ? now : undefined, written, json);
      } else await this.#send(letIn, back, under, written);
    } finally {
      handedOver?.();
    }
  }

  async #send(
    { call, response, position }: Answered,
    back: PassedBack,
    under: Under,
    written: RecordedWrite | undefined,
  ): Promise<void> {
    const { decided, by, at } = under;
    const { status, json, headers: own } = back;
    const headers = { ...own, ...position, 'Cache-Control': 'private, no-cache' };
    const { etag, 'last-modified': lastModified } = own;
    const state = { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
    const isRead = call.method === 'GET' || call.method === 'HEAD';
    const isSame = isRead && status === 200 && isNotModified(response.req.headers, state);
    let sent: Awaited<ReturnType<typeof sendResource>> = { ending: 'sent', bytes: 0 };
    const sentAs = isSame ? 304 : status;
    if (isSame || back.body.length === 0) sendEmpty(response, sentAs, headers);
    else {
      const { body, headers: encoding } = await encodedFor(response.req, back.body);
      sent = await sendResource(response, body, { ...headers, ...encoding }, by.isAllowed, sentAs);
    }
    const isSent = sent.bytes > 0;
    const ofEntries = await this.#completeEntries(under, { status, json, ending: sent.ending, isSent });
    const observed = !isSent
      ? nothingLeft(decided)
      : decided.outcome === 'deny'
        ? nothingWouldHaveLeft(status, json)
        : (ofEntries ?? (await wouldHaveLeft(call.interaction, { status, json, isEmpty: false }, at)));
    this.means.onObserved(observed.outcome);
    // Of a Bundle that was answered entry by entry, its entries say whom.
    const isTold = isResource(json) && !ofEntries && (isSent || written !== undefined);
    const shown = isTold ? await whomItTellsOf(json, at.sight.bases, at) : ofNobody;
    const { patients, areAll } = together(under.whom, shown);
    const others = incompleteUnless(areAll && !mayNameOthers(under, { isSent, status, json }, written));
    await this.#complete(
      call,
      { status: sentAs, ...sent, observed, ...others, ...(written ? { written } : {}) },
      patients,
    );
  }

  /** What the server gave stays here; whom it has written about is on record, as far as that is known without asking again. */
  async #withhold(
    letIn: Answered,
    { decided, whom, at }: Under,
    denied: Parameters<Leaving['withhold']>[1],
    written: RecordedWrite | undefined,
    json?: unknown,
  ): Promise<void> {
    if (written === undefined || written.outcome === 'unchanged')
      return await this.means.leaving.withhold(letIn, denied, written && { written });
    const shown = isResource(json) ? await whomItTellsOf(json, at.sight.bases, undefined) : ofNobody;
    const { patients, areAll } = together(whom, shown);
    // What would have been refused was not looked at.
    const isKnown = areAll && (decided.outcome === 'allow' || patients.length > 0);
    await this.means.leaving.withhold(letIn, denied, { written, ...incompleteUnless(isKnown) }, patients);
  }

  async #completeEntries({ bundle }: Under, ended: BundleEnded): Promise<RecordedObservation | undefined> {
    return bundle && (await this.#bundles.completed(bundle, ended));
  }

  /** The FHIR server gave no answer. */
  async #failed(
    { call, response, position }: Answered,
    under: Under,
    reason: unknown,
    mayChange: boolean,
    isHandedOver: boolean,
  ): Promise<void> {
    const outcome = isHandedOver ? outcomeOfFailure(reason) : 'unchanged';
    const written = mayChange && !under.bundle ? ({ outcome, resourceType: typeOf(call) } as const) : undefined;
    if (reason instanceof NoLongerAllowed) {
      const now = this.means.inForce.decide(call);
      const denied = now?.outcome === 'deny' ? now : undefined;
      const status = denied ? toldOf(denied, call.claims).status : changed.status;
      await this.#completeEntries(under, { status, ending: 'withheld', isSent: false, failedAs: outcome });
      return await this.#withhold({ call, response, position }, under, denied, written);
    }
    if (!(reason instanceof UpstreamFailed || reason instanceof WriteUnknown)) throw reason;
    const { answer } = reason;
    const ending = response.destroyed ? 'caller-gone' : 'upstream-failed';
    sendError(response, answer, position);
    this.means.onObserved('unknown');
    const { status } = answer;
    await this.#completeEntries(under, { status, ending, isSent: false, failedAs: outcome });
    const { patients, areAll } = under.whom;
    const others = incompleteUnless(areAll);
    await this.#complete(call, { status, bytes: 0, ending, ...others, ...(written ? { written } : {}) }, patients);
  }

  async #complete(...[call, ended, patients]: Parameters<CallRecords['completed']>): Promise<void> {
    try {
      await this.means.records.completed(call, ended, patients);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      const { applicationId } = call.claims;
      this.means.log.error('what became of an observed call could not be recorded', error, { applicationId });
    }
  }
}

const noMemory = fhirError(503, 'transient', 'The gateway holds too many large bodies now.', { 'Retry-After': '2' });

function nothingLeft({ outcome }: CallDecision): RecordedObservation {
  return { outcome: outcome === 'allow' ? 'allowed' : 'denied', withheld: 0 };
}

/** Whether what left, or was written, may be about others than the record names: nobody looked at it, or it is shown in part. */
function mayNameOthers(
  { call, bundle }: Under,
  { isSent, status, json }: { readonly isSent: boolean; readonly status: number; readonly json: unknown },
  written: RecordedWrite | undefined,
): boolean {
  const { interaction } = call;
  if (interaction.kind === 'batch-or-transaction' && !bundle && written) return true;
  if (call.method === 'HEAD' && status === 200) return true;
  return isSent && (showsInPart(interaction) || !isResource(json));
}
