import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AccessFold, EffectiveAccess } from '#access';
import type { EnforcementPoint } from '#enforcement';
import type { Log } from '#host';
import { type FhirInteraction, readRequest, splitTarget, upstreamTarget } from '#smart';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { KeysUnavailable, TokenNotBelieved, type VerifiedTokens } from '../believe-token/verified-tokens.js';
import { type CallDecision, decideCall } from '../decide-call/decide-call.js';
import { CallRecords, NotRecorded, type RecordedCall } from './call-records.js';
import { filterAnswer } from './filter-answer.js';
import type { OpenCalls } from './open-calls.js';
import {
  type FhirError,
  fhirError,
  insufficientScope,
  invalidToken,
  notNow,
  tokenRequired,
} from './operation-outcome.js';
import { FORM_LIMIT, readForm } from './read-form.js';
import { cutAnswer, sendError, sendResource } from './send-answer.js';
import { type Upstream, type UpstreamAnswer, UpstreamFailed } from './upstream.js';

type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;
type Denied = Extract<CallDecision, { readonly outcome: 'deny' }>;

/** What a call is judged by. */
type InForce = Pick<EnforcementPoint, 'holdsLease'> & { readonly access: Pick<AccessFold, 'byApplicationId'> };

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
    private readonly tokens: Pick<VerifiedTokens, 'believe'>,
    private readonly records: CallRecords,
    private readonly upstream: Pick<Upstream, 'ask' | 'base'>,
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
    const claims = await this.#believe(request, target.query);
    if ('status' in claims) return claims;
    const form = target.path.endsWith('/_search') ? await readForm(request) : '';
    if (form === undefined)
      return fhirError(413, 'too-long', `A search takes at most ${FORM_LIMIT} bytes of parameters.`);

    const interaction = readRequest({
      method: request.method ?? '',
      ...target,
      headers: request.headers,
      form,
    });
    const call: RecordedCall = {
      callId: CallRecords.newCallId(),
      claims,
      interaction,
      method: request.method ?? '',
      correlationId: String(response.getHeader('x-correlation-id') ?? ''),
      ...clientOf(request),
    };
    if (!this.#point.holdsLease()) return notNow('This instance is not up to date with what is in force.');
    const access = this.#accessOf(claims);
    const decision = decideCall(claims, access, interaction);
    if (decision.outcome === 'deny') return await this.#refuse(response, call, decision, access);
    return await this.#letIn(response, call, decision, access);
  }

  /** The token's claims, or what its bearer is told. */
  async #believe({ headers }: IncomingMessage, query: string): Promise<AccessTokenClaims | FhirError> {
    if (/(^|&)access_token(=|&|$)/i.test(query)) return invalidToken('A token in a query string does not count.');
    if (headers.authorization === undefined) return tokenRequired();
    const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(headers.authorization)?.[1];
    if (token === undefined) return invalidToken('The Authorization header holds no bearer token.');
    try {
      return await this.tokens.believe(token);
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
      const position = await this.records.decided(call, decision, access?.approvalVersion, error.status);
      sendError(response, error, { 'Gatehouse-Position': position });
      return undefined;
    } catch (failure) {
      return this.#notRecorded(failure);
    }
  }

  async #letIn(
    response: ServerResponse,
    call: RecordedCall,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<FhirError | undefined> {
    const target = upstreamTarget(call.interaction);
    if (!target) return fhirError(400, 'not-supported', 'This interaction is not handed on.');
    const cut = new AbortController();
    const isAllowed = () => this.#decideAgain(call)?.outcome === 'allow';
    const end = this.gateway.calls.open({
      applicationId: call.claims.applicationId,
      isAllowed,
      cut: () => {
        cut.abort();
        if (response.headersSent) cutAnswer(response);
      },
    });
    response.once('close', () => cut.abort());
    try {
      // The decision was taken in this same tick.
      const asked = this.upstream.ask(target, cut.signal);
      const [answer, recorded] = await Promise.allSettled([
        asked,
        this.records.decided(call, decided, access?.approvalVersion),
      ]);
      if (recorded.status === 'rejected') return this.#notRecorded(recorded.reason);
      const position = { 'Gatehouse-Position': recorded.value };
      const now = this.#decideAgain(call);
      if (now?.outcome !== 'allow') return await this.#withhold(response, call, now, position);
      if (answer.status === 'rejected') return await this.#upstreamFailed(response, call, answer.reason, position);
      return await this.#send(response, call, now, answer.value, position, isAllowed);
    } finally {
      end();
    }
  }

  async #send(
    response: ServerResponse,
    call: RecordedCall,
    now: Allowed,
    { resource, etag, lastModified }: UpstreamAnswer,
    position: Readonly<Record<string, string>>,
    isAllowed: () => boolean,
  ): Promise<undefined> {
    const filtered = filterAnswer(resource, call.interaction, now.granted, {
      upstream: this.upstream.base,
      base: this.base,
    });
    if (!filtered.ok) {
      this.log.warn('an answer of the upstream was not handed on', undefined, { reason: filtered.reason });
      return await this.#upstreamFailed(response, call, undefined, position);
    }
    const headers = {
      ...position,
      ...(etag === undefined ? {} : { ETag: etag }),
      ...(lastModified === undefined ? {} : { 'Last-Modified': lastModified }),
    };
    const sent = await sendResource(response, Buffer.from(JSON.stringify(filtered.body)), headers, isAllowed);
    await this.#complete(call, { status: 200, ...sent });
    return undefined;
  }

  /** Access was closed or the lease lapsed while the upstream worked: what it gave stays here. */
  async #withhold(
    response: ServerResponse,
    call: RecordedCall,
    now: Denied | undefined,
    position: Readonly<Record<string, string>>,
  ): Promise<undefined> {
    const error = now ? toldOf(now) : notNow('This instance is not up to date with what is in force.');
    sendError(response, error, position);
    await this.#complete(call, { status: error.status, bytes: 0, ending: 'withheld' });
    return undefined;
  }

  async #upstreamFailed(
    response: ServerResponse,
    call: RecordedCall,
    reason: unknown,
    position: Readonly<Record<string, string>>,
  ): Promise<undefined> {
    const error =
      reason instanceof UpstreamFailed
        ? reason.answer
        : fhirError(502, 'transient', 'The FHIR server did not give a resource.');
    const gone = response.destroyed;
    sendError(response, error, position);
    await this.#complete(call, { status: error.status, bytes: 0, ending: gone ? 'caller-gone' : 'upstream-failed' });
    return undefined;
  }

  async #complete(call: RecordedCall, ended: Parameters<CallRecords['completed']>[1]): Promise<void> {
    try {
      await this.records.completed(call, ended);
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
  #decideAgain({
    claims,
    interaction,
  }: {
    readonly claims: AccessTokenClaims;
    readonly interaction: FhirInteraction;
  }): CallDecision | undefined {
    return this.#point.holdsLease() ? decideCall(claims, this.#accessOf(claims), interaction) : undefined;
  }

  #accessOf({ applicationId }: AccessTokenClaims): EffectiveAccess | undefined {
    return this.#point.access.byApplicationId(applicationId, Date.now());
  }
}

function toldOf({ kind, detail, wouldAllow }: Denied): FhirError {
  switch (kind) {
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
