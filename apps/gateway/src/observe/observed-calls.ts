import type { IncomingMessage, ServerResponse } from 'node:http';
import { coversEndpoint, type EffectiveAccess } from '#access';
import type { Log } from '#host';
import { isResource, isWrite, readBundle } from '#smart';
import { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { isNotModified } from '../answer/not-modified.js';
import { withOurUrls } from '../answer/our-urls.js';
import { BundleLinks } from '../answer/paging.js';
import type { BodyLease, BodyMemory } from '../ask-upstream/body-memory.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { BundleLimits } from '../bundle/bundle-bounds.js';
import { entryCallOf } from '../bundle/bundle-call.js';
import { refusalOf } from '../bundle/entry-refusal.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { PageLinks } from '../page-links/page-links.js';
import {
  type CallRecords,
  positionHeader,
  type RecordedObservation,
  type RecordedWrite,
} from '../proxy/call-records.js';
import { encodedFor } from '../proxy/encode-answer.js';
import type { InForce } from '../proxy/in-force.js';
import { type Leaving, patientsOf } from '../proxy/leaving.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import { forWhom, isOursAlone, type JudgedCall, ownerOf } from '../proxy/read-call.js';
import { readBounded } from '../proxy/read-form.js';
import type { Denied } from '../proxy/tell-refusal.js';
import { sendEmpty, sendError, sendResource } from '../proxy/send-answer.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import { jsonOfWrite, malformed } from '../write/read-written-body.js';
import type { WriteSupport } from '../write/write-support.js';
import { planSupported } from '../write/writer.js';
import { outcomeOf, whereWritten } from '../write/written-answer.js';
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
  readonly bundles: Pick<BundleLimits, 'entries'>;
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

interface Under {
  readonly call: Call;
  readonly decided: CallDecision;
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
  constructor(private readonly means: ObservedCallMeans) {}

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
      const decided = await this.#planned(decision, call, asked, body, at);
      return await this.#pass(asked, response, body, { call, decided, by, at }, access);
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

  /** The decision of a write is known when the resource before and after was looked at, that of a Bundle when it was read. */
  async #planned(
    decision: CallDecision,
    call: Call,
    { request }: ObservedRequest,
    bytes: Buffer,
    at: Answering,
  ): Promise<CallDecision> {
    const { interaction } = call;
    if (decision.outcome === 'deny') return decision;
    try {
      if (interaction.kind === 'batch-or-transaction')
        return this.#refusedEntry(jsonOfWrite(request.headers, 'create', bytes), call) ?? decision;
      if (!isWrite(interaction)) return decision;
      const body = jsonOfWrite(request.headers, interaction.kind, bytes);
      const { updatesCreate, support } = this.means;
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
      await planSupported({ interaction, body, ifMatch, ifNoneMatch, updatesCreate }, at, support);
      return decision;
    } catch (error) {
      // Whether the server would have refused it is told by its answer.
      if (error instanceof UpstreamFailed || error instanceof WriteUnknown || error instanceof NoLongerAllowed)
        return decision;
      if (!(error instanceof NotAnswered)) throw error;
      const detail = error.answer.body.issue[0].diagnostics;
      return { outcome: 'deny', kind: 'request', reason: error.reason, detail, wouldAllow: [] };
    }
  }

  /**
   * Why a transaction is refused by what its entries ask; undefined where it is not, and for a batch, which is refused entry by
   * entry.
   *
   * @throws NotAnswered for what is no Bundle that is taken
   */
  #refusedEntry(body: unknown, call: Call): Denied | undefined {
    const { bundles, pages, inForce } = this.means;
    const read = readBundle(body, bundles.entries);
    if (!read.ok) throw malformed(read.reason);
    if (read.type === 'batch') return undefined;
    for (const [index, entry] of read.entries.entries()) {
      const one = entryCallOf(entry, index, { ...call, bundle: read.type }, pages);
      const decision = inForce.decide(one.call);
      const refusal = decision && refusalOf(one, decision);
      if (refusal) return { ...refusal.denied, reason: `entry ${index}: ${refusal.denied.reason}` };
    }
    return undefined;
  }

  async #pass(
    asked: ObservedRequest,
    response: ServerResponse,
    body: Buffer,
    under: Under,
    access: EffectiveAccess | undefined,
  ): Promise<undefined> {
    const { records, upstream, inFlight, pages, base, inForce, leaving } = this.means;
    const { call, decided, by } = under;
    const passed = passedOn(asked.request, asked.target, call, body);
    let handedOver: (() => void) | undefined;
    const send = async () =>
      await upstream.pass(passed, by, () => {
        handedOver = passed.mayChange ? inFlight.begin(call.claims.applicationId) : () => undefined;
      });
    const decide = async () => await records.decidedAsWanted(call, decided, access);
    try {
      // What may change data is recorded before it goes on.
      const position = passed.mayChange ? await decide() : undefined;
      const [answer, recorded] = await Promise.allSettled([send(), passed.mayChange ? position : decide()]);
      if (recorded.status === 'rejected') throw recorded.reason;
      const letIn = { call, response, position: { ...MODE, ...positionHeader(recorded.value) } };
      if (answer.status === 'rejected') {
        await this.#failed(letIn, answer.reason, passed.mayChange, handedOver !== undefined);
        return;
      }
      const links = new BundleLinks(base, pages, ownerOf(call.claims));
      const bases = { upstream: upstream.base, ours: base };
      const back = passedBack(answer.value, call.interaction, links, bases, withOurUrls);
      const written = passed.mayChange ? writtenBy(call, back) : undefined;
      if (!by.isAllowed()) {
        const now = inForce.decide(call);
        await leaving.withhold(letIn, now?.outcome === 'deny' ? now : undefined, written);
      } else await this.#send(letIn, back, under, written);
    } finally {
      handedOver?.();
    }
  }

  async #send(
    { call, response, position }: Answered,
    back: PassedBack,
    { decided, by, at }: Under,
    written: RecordedWrite | undefined,
  ): Promise<void> {
    const { status, json, headers: own } = back;
    const headers = { ...own, ...position, 'Cache-Control': 'private, no-cache' };
    const { etag, 'last-modified': lastModified } = own;
    const state = { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
    const isRead = call.method === 'GET' || call.method === 'HEAD';
    const isSame = isRead && status === 200 && isNotModified(response.req.headers, state);
    let sent: Awaited<ReturnType<typeof sendResource>> = { ending: 'sent', bytes: 0 };
    const told = isSame ? 304 : status;
    if (isSame || back.body.length === 0) sendEmpty(response, told, headers);
    else {
      const { body, headers: encoding } = await encodedFor(response.req, back.body);
      sent = await sendResource(response, body, { ...headers, ...encoding }, by.isAllowed, told);
    }
    const observed =
      sent.bytes === 0
        ? nothingLeft(decided)
        : decided.outcome === 'deny'
          ? nothingWouldHaveLeft(status, json)
          : await wouldHaveLeft(call.interaction, { status, json, isEmpty: false }, at);
    this.means.onObserved(observed.outcome);
    const patients = isResource(json) && (sent.bytes > 0 || written) ? patientsOf(json, at.sight.bases) : [];
    const inPart = sent.bytes > 0 && showsInPart(call.interaction) ? { patientsIncomplete: true as const } : {};
    await this.#complete(
      call,
      { status: told, ...sent, observed, ...inPart, ...(written ? { written } : {}) },
      patients,
    );
  }

  /** The FHIR server gave no answer. */
  async #failed(
    { call, response, position }: Answered,
    reason: unknown,
    mayChange: boolean,
    isHandedOver: boolean,
  ): Promise<void> {
    const outcome = isHandedOver ? outcomeOfFailure(reason) : 'unchanged';
    const written = mayChange ? ({ outcome, resourceType: typeOf(call) } as const) : undefined;
    if (reason instanceof NoLongerAllowed) {
      const now = this.means.inForce.decide(call);
      const denied = now?.outcome === 'deny' ? now : undefined;
      return await this.means.leaving.withhold({ call, response, position }, denied, written);
    }
    if (!(reason instanceof UpstreamFailed || reason instanceof WriteUnknown)) throw reason;
    const { answer } = reason;
    const ending = response.destroyed ? 'caller-gone' : 'upstream-failed';
    sendError(response, answer, position);
    this.means.onObserved('unknown');
    await this.#complete(call, { status: answer.status, bytes: 0, ending, ...(written ? { written } : {}) }, []);
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

/** What became of the data of a write that was handed over, and of which the server said nothing that is handed on. */
function outcomeOfFailure(reason: unknown): RecordedWrite['outcome'] {
  if (!(reason instanceof UpstreamFailed)) return 'unknown';
  const { wasSent, upstreamStatus } = reason;
  if (!wasSent) return 'unchanged';
  return upstreamStatus === undefined ? 'unknown' : outcomeOf(upstreamStatus);
}

/** The type that a call is about; of a batch and of what was not understood it is any. */
function typeOf({ interaction }: JudgedCall): string {
  return 'type' in interaction ? interaction.type : 'Resource';
}

function writtenBy(call: JudgedCall, { status, json, headers }: PassedBack): RecordedWrite {
  const outcome = outcomeOf(status);
  const { interaction } = call;
  const known =
    isWrite(interaction) && outcome === 'changed'
      ? whereWritten(interaction.type, {
          status,
          ...(json === undefined ? {} : { resource: json }),
          ...(headers['location'] === undefined ? {} : { location: headers['location'] }),
        })
      : {};
  const id = 'id' in interaction ? interaction.id : known.id;
  return { outcome, resourceType: typeOf(call), ...(id === undefined ? {} : { resourceId: id }) };
}
