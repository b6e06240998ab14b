import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessFold, EffectiveAccess } from '#access';
import type { CallLimits } from '#contracts';
import type { EnforcementPoint } from '#enforcement';
import type { Log } from '#host';
import {
  type FhirRequest,
  type FhirResource,
  isObject,
  isResource,
  isResourceType,
  patientsIn,
  type Reaches,
  readRequest,
  splitTarget,
} from '#smart';
import type { Origins } from '../allow-origins/origins.js';
import { answerCall } from '../answer/answer-call.js';
import { Answering, type CheckedAnswer, NotAnswered } from '../answer/answering.js';
import { isNotModified } from '../answer/not-modified.js';
import { withOurUrls } from '../answer/our-urls.js';
import { BundleLinks } from '../answer/paging.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import { NoLongerAllowed, type Upstream, UpstreamFailed } from '../ask-upstream/upstream.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { KeysUnavailable, TokenNotBelieved, type VerifiedTokens } from '../believe-token/verified-tokens.js';
import { type CallDecision, decideCall } from '../decide-call/decide-call.js';
import type { CallLimiter, TooMany } from '../limit-calls/call-limits.js';
import { PAGE_PARAMETER, type PageLinks, type PageOwner, type PagePlace } from '../page-links/page-links.js';
import { reachesOf } from '../user-rights/reaches.js';
import type { UserRights } from '../user-rights/user-rights.js';
import { CallRecords, NotRecorded, type RecordedCall } from './call-records.js';
import type { OpenCalls } from './open-calls.js';
import {
  type FhirError,
  fhirError,
  insufficientScope,
  invalidToken,
  notNow,
  tokenRequired,
} from './operation-outcome.js';
import { encodedFor } from './encode-answer.js';
import { FORM_LIMIT, readForm } from './read-form.js';
import { cutAnswer, sendError, sendNotModified, sendResource } from './send-answer.js';

type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;
type Denied = Extract<CallDecision, { readonly outcome: 'deny' }>;

/** What a call is judged by. */
type InForce = Pick<EnforcementPoint, 'holdsLease'> & { readonly access: Pick<AccessFold, 'byApplicationId'> };

/** A call with what it is judged and answered by. */
interface JudgedCall extends RecordedCall {
  readonly reaches: Reaches;
  /** Where a page link leads to. */
  readonly from: PagePlace | undefined;
}

/** What calls are believed, judged and answered with. */
interface Means {
  readonly tokens: Pick<VerifiedTokens, 'believe'>;
  readonly rights: UserRights;
  readonly pages: PageLinks;
  readonly records: CallRecords;
  readonly origins: Origins;
  readonly upstream: Pick<Upstream, 'ask' | 'base'>;
  readonly memory: BodyMemory;
  readonly limiter: CallLimiter;
  /** What an application may call whose approval says nothing of it. */
  readonly limits: CallLimits;
}

/** Where this instance's FHIR API is mounted. */
export const FHIR_MOUNT = '/fhir';

/**
 * Calls of the FHIR API: believe the token, look at what is in force, decide, ask the upstream, check what comes back,
 * record, answer. What is in force is looked at again in each tick in which something leaves.
 */
export class FhirCalls {
  readonly #point: InForce;

  constructor(
    private readonly gateway: { readonly point: InForce; readonly calls: OpenCalls },
    private readonly means: Means,
    /** Our FHIR base, without a slash at its end. */
    private readonly base: string,
    private readonly log: Pick<Log, 'warn' | 'error'>,
  ) {
    this.#point = gateway.point;
  }

  /** Answers one request that came in below the mount. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const error = await this.#answer(request, response);
    // What was not read of a body must not stand before the next request on the connection.
    request.resume();
    if (error) sendError(response, error);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<FhirError | undefined> {
    const target = splitTarget(originalUrlOf(request), FHIR_MOUNT);
    if (!target) return fhirError(404, 'not-found', 'There is nothing here.');
    const { origins, records } = this.means;
    origins.allowAny(request, response);
    const about = {
      method: request.method ?? '',
      correlationId: String(response.getHeader('x-correlation-id') ?? ''),
      ...clientOf(request),
    };
    const claims = await this.#believe(request, target.query);
    if ('status' in claims) {
      // Whoever comes without a token is nobody; a token that does not count is worth a look.
      if (claims.status === 401 && request.headers.authorization !== undefined)
        records
          .unbelieved(about, claims.body.issue[0].diagnostics, claims.status)
          .catch((error: unknown) => this.log.warn('a token that does not count was not recorded', error));
      return claims;
    }
    origins.narrowTo(this.#accessOf(claims), request, response);
    const form = target.path.endsWith('/_search') ? await readForm(request) : '';
    if (form === undefined)
      return fhirError(413, 'too-long', `A search takes at most ${FORM_LIMIT} bytes of parameters.`);

    const asked = { method: request.method ?? '', ...target, headers: request.headers, form };
    const call: JudgedCall = {
      callId: CallRecords.newCallId(),
      claims,
      ...this.#read(asked, claims),
      reaches: reachesOf(claims, this.means.rights, [this.base]),
      ...about,
    };
    if (!this.#point.holdsLease()) return notNow('This instance is not up to date with what is in force.');
    const access = this.#accessOf(claims);
    const decision = decideCall(claims, access, call.interaction, call.reaches);
    // What counts no more is told so, however often it comes.
    if (decision.outcome === 'deny' && decision.kind === 'token')
      return await this.#refuse(response, call, decision, access);
    const entered = this.means.limiter.enter(claims.applicationId, { ...this.means.limits, ...access?.limits });
    if (typeof entered !== 'function') return await this.#refuse(response, call, tooManyCalls(entered), access);
    try {
      if (decision.outcome === 'deny') return await this.#refuse(response, call, decision, access);
      return await this.#letIn(response, call, decision, access);
    } finally {
      entered();
    }
  }

  /** What is asked: by the request, or by the page link that it is. */
  #read(request: FhirRequest, claims: AccessTokenClaims): Pick<JudgedCall, 'interaction' | 'from'> {
    const interaction = readRequest(request);
    const params = 'params' in interaction ? interaction.params : [];
    const sealed = params.find(({ name }) => name === PAGE_PARAMETER)?.value;
    if (sealed === undefined) return { interaction, from: undefined };
    const opened = params.length === 1 ? this.means.pages.open(sealed, ownerOf(claims)) : undefined;
    if (opened) return { interaction: opened.interaction, from: opened.place };
    const reason = 'the page link does not count here, or not any more';
    return { interaction: { kind: 'unrecognised', reason }, from: undefined };
  }

  /** The token's claims, or what its bearer is told. */
  async #believe({ headers }: IncomingMessage, query: string): Promise<AccessTokenClaims | FhirError> {
    if (/(^|&)access_token(=|&|$)/i.test(query)) return invalidToken('A token in a query string does not count.');
    if (headers.authorization === undefined) return tokenRequired();
    const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(headers.authorization)?.[1];
    if (token === undefined) return invalidToken('The Authorization header holds no bearer token.');
    try {
      return await this.means.tokens.believe(token);
    } catch (error) {
      if (error instanceof TokenNotBelieved) return invalidToken(error.reason);
      if (!(error instanceof KeysUnavailable)) throw error;
      this.log.warn('the keys of the token service cannot be had', error);
      return notNow('Tokens cannot be checked now.');
    }
  }

  async #refuse(
    response: ServerResponse,
    call: RecordedCall,
    decision: Denied,
    access: EffectiveAccess | undefined,
  ): Promise<FhirError | undefined> {
    const error = toldOf(decision);
    try {
      const position = await this.means.records.decided(call, decision, access, error.status);
      sendError(response, error, { 'Gatehouse-Position': position });
      return undefined;
    } catch (failure) {
      return this.#notRecorded(failure);
    }
  }

  async #letIn(
    response: ServerResponse,
    call: JudgedCall,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<FhirError | undefined> {
    const cut = new AbortController();
    const isAllowed = () => {
      const now = this.#decideAgain(call);
      // What was judged under other scopes does not leave under these.
      return now?.outcome === 'allow' && now.granted === decided.granted;
    };
    const memory = this.means.memory.lease();
    const end = this.gateway.calls.open({
      applicationId: call.claims.applicationId,
      isAllowed,
      cut: () => {
        cut.abort();
        // A refusal of ours holds nothing of the record: cut off, it would take the connection's next call with it.
        if (response.headersSent && response.statusCode < 400) cutAnswer(response);
      },
    });
    response.once('close', () => {
      cut.abort();
      // Nothing more leaves on it, and its connection may be the next call's before the record is acknowledged.
      end();
    });
    try {
      const { upstream, pages } = this.means;
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const sight = { scopes: decided.granted, reaches: call.reaches, bases: [upstream.base, this.base] };
      const answering = new Answering(sight, upstream.base, async (target) => await upstream.ask(target, by));
      const links = new BundleLinks(this.base, pages, ownerOf(call.claims));
      const asked = answerCall(call.interaction, call.from, links, answering);
      const [answer, recorded] = await Promise.allSettled([asked, this.means.records.decided(call, decided, access)]);
      if (recorded.status === 'rejected') return this.#notRecorded(recorded.reason);
      const position = { 'Gatehouse-Position': recorded.value };
      const now = this.#decideAgain(call);
      if (now?.outcome !== 'allow') return await this.#withhold(response, call, now, position);
      if (answer.status === 'rejected') return await this.#notAnswered(response, call, answer.reason, position);
      if (!isAllowed()) return await this.#withhold(response, call, undefined, position);
      return await this.#send(response, call, answer.value, position, isAllowed);
    } finally {
      memory.release();
      end();
    }
  }

  async #send(
    response: ServerResponse,
    call: RecordedCall,
    answer: CheckedAnswer,
    position: Readonly<Record<string, string>>,
    isAllowed: () => boolean,
  ): Promise<undefined> {
    const { resource, etag, lastModified } = answer;
    const headers = {
      ...position,
      ...(etag === undefined ? {} : { ETag: etag }),
      ...(lastModified === undefined ? {} : { 'Last-Modified': lastModified }),
      'Cache-Control': 'private, no-cache',
      // A file could be read as a page of ours.
      ...(resource.resourceType === 'Binary' ? { 'Content-Disposition': 'attachment' } : {}),
    };
    if (isNotModified(response.req.headers, answer)) {
      sendNotModified(response, headers);
      await this.#complete(call, { status: 304, bytes: 0, ending: 'sent' });
      return undefined;
    }
    const text = withOurUrls(JSON.stringify(resource), this.means.upstream.base, this.base);
    const { body, headers: encoding } = await encodedFor(response.req, Buffer.from(text));
    const sent = await sendResource(response, body, { ...headers, ...encoding }, isAllowed);
    await this.#complete(call, { status: 200, ...sent }, sent.bytes > 0 ? this.#patientsIn(resource) : []);
    return undefined;
  }

  /** Access was closed or the lease lapsed while the upstream worked: what it gave stays here. */
  async #withhold(
    response: ServerResponse,
    call: RecordedCall,
    now: Denied | undefined,
    position: Readonly<Record<string, string>>,
  ): Promise<undefined> {
    const error = now ? toldOf(now) : changed;
    sendError(response, error, position);
    await this.#complete(call, { status: error.status, bytes: 0, ending: 'withheld' });
    return undefined;
  }

  async #notAnswered(
    response: ServerResponse,
    call: RecordedCall,
    reason: unknown,
    position: Readonly<Record<string, string>>,
  ): Promise<undefined> {
    if (reason instanceof NoLongerAllowed) return await this.#withhold(response, call, undefined, position);
    const checked = reason instanceof NotAnswered;
    if (!checked && !(reason instanceof UpstreamFailed)) throw reason;
    if (checked && reason.answer.status >= 500)
      this.log.warn('an answer of the upstream was not handed on', undefined, { reason: reason.reason });
    const { answer } = reason;
    const gone = response.destroyed;
    sendError(response, answer, position);
    const ending = gone ? 'caller-gone' : checked ? 'withheld' : 'upstream-failed';
    await this.#complete(call, { status: answer.status, bytes: 0, ending });
    return undefined;
  }

  /** The patients of all that an answer holds. */
  #patientsIn(resource: FhirResource): readonly string[] {
    const bases = [this.means.upstream.base, this.base];
    const entries = resource.resourceType === 'Bundle' ? resource['entry'] : [{ resource }];
    return (Array.isArray(entries) ? entries.filter(isObject) : []).flatMap(({ resource: each }) =>
      isResource(each) && isResourceType(each.resourceType) ? patientsIn(each, each.resourceType, bases) : [],
    );
  }

  async #complete(
    call: RecordedCall,
    ended: Parameters<CallRecords['completed']>[1],
    patients: readonly string[] = [],
  ): Promise<void> {
    try {
      await this.means.records.completed(call, ended, patients);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      this.log.error('what became of a call could not be recorded', error, {
        applicationId: call.claims.applicationId,
      });
    }
  }

  #notRecorded(failure: unknown): FhirError {
    if (!(failure instanceof NotRecorded)) throw failure;
    this.log.warn('a call could not be recorded', failure);
    return notNow('The call could not be recorded, and what is not recorded does not leave.');
  }

  /** The decision by what is in force in this tick; undefined without a lease. */
  #decideAgain({ claims, interaction, reaches }: JudgedCall): CallDecision | undefined {
    return this.#point.holdsLease() ? decideCall(claims, this.#accessOf(claims), interaction, reaches) : undefined;
  }

  #accessOf({ applicationId }: AccessTokenClaims): EffectiveAccess | undefined {
    return this.#point.access.byApplicationId(applicationId, Date.now());
  }
}

/** What is in force is not known here, or is not what the call was judged by. */
const changed = notNow('This instance is not up to date with what is in force.');

/** For whom the page links of a token count: a refreshed one may go on where an earlier one was. */
function ownerOf({ applicationId, grantId, subject, patient }: AccessTokenClaims): PageOwner {
  return { applicationId, holder: grantId ?? subject, ...(patient === undefined ? {} : { patient }) };
}

/** For whom the FHIR server is asked. */
function forWhom({ claims }: RecordedCall, access: EffectiveAccess | undefined) {
  return { applicationId: claims.applicationId, purposesOfUse: access?.purposesOfUse ?? [] };
}

function tooManyCalls({ detail, retryAfterSeconds }: TooMany): Denied {
  return { outcome: 'deny', kind: 'limit', reason: `limit: ${detail}`, detail, wouldAllow: [], retryAfterSeconds };
}

function toldOf(denied: Denied): FhirError {
  const { kind, detail, wouldAllow } = denied;
  switch (kind) {
    case 'limit':
      return fhirError(429, 'throttled', detail, { 'Retry-After': String(denied.retryAfterSeconds) });
    case 'token':
      return invalidToken(detail);
    case 'scope':
      return insufficientScope(detail, wouldAllow);
    case 'request':
      return fhirError(403, 'not-supported', detail);
    default:
      return kind satisfies never;
  }
}

/** The whole target as it came in: `mountHandler` cuts the mount off `url`. */
export function originalUrlOf(request: IncomingMessage): string {
  return 'originalUrl' in request && typeof request.originalUrl === 'string'
    ? request.originalUrl
    : (request.url ?? '');
}

/** Whom the server believes the request to come from: `mountHandler` has put it there. */
function clientOf({ headers }: IncomingMessage): Pick<RecordedCall, 'clientAddress' | 'userAgent'> {
  const address = headers['x-forwarded-for'];
  const userAgent = headers['user-agent'];
  return {
    ...(typeof address === 'string' ? { clientAddress: address } : {}),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}
