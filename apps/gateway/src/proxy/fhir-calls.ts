import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EffectiveAccess } from '#access';
import type { CallLimits } from '#contracts';
import type { FhirEndpoint } from '#fhir-endpoints';
import type { Log } from '#host';
import { type Enforced, type FhirInteraction, isExport, isWrite, splitTarget } from '#smart';
import type { Origins } from '../allow-origins/origins.js';
import type { Admissions } from '../admit-patients/admissions.js';
import { answerCall } from '../answer/answer-call.js';
import { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { BundleLinks } from '../answer/paging.js';
import type { ToldIdentity } from '../ask-rights/call-rights.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import type { BundleLimits } from '../bundle/bundle-bounds.js';
import { BundleCalls } from '../bundle/bundle-calls.js';
import { TransactionSupport } from '../bundle/transaction-support.js';
import { believeCaller, type Believing } from '../believe-token/believe-caller.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import { ExportCalls } from '../export/export-calls.js';
import type { ExportLinks } from '../export/export-links.js';
import type { ExportsAtWork } from '../export/exports-at-work.js';
import { RunningExports } from '../export/running-exports.js';
import type { CallLimiter } from '../limit-calls/call-limits.js';
import type { PageLinks } from '../page-links/page-links.js';
import { ObservedCalls, type ObservedCallMeans } from '../observe/observed-calls.js';
import { mayChange } from '../observe/passed-on.js';
import type { Observing } from '../observe/observing.js';
import { rightsOfCall } from '../user-rights/rights-of-call.js';
import { IdentitySupport } from '../user-rights/told-upstream/identity-support.js';
import type { UserRights } from '../user-rights/user-rights.js';
import { WithheldFrom } from '../user-rights/withheld.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import { readWrittenBody } from '../write/read-written-body.js';
import { WriteCalls } from '../write/write-calls.js';
import type { WriteSupport } from '../write/write-support.js';
import { CallRecords, NotRecorded, positionHeader, type RecordedCall } from './call-records.js';
import { InForce, type JudgingPoint } from './in-force.js';
import { Leaving } from './leaving.js';
import type { OpenCalls } from './open-calls.js';
import { type FhirError, fhirError } from './operation-outcome.js';
import { clientOf, forWhom, type JudgedCall, ownerOf, readCallOrExport } from './read-call.js';
import { FORM_LIMIT, readForm } from './read-form.js';
import { sendError } from './send-answer.js';
import { changed, type Denied, notCarriedOut, notRecorded, toldOf, tooManyCalls } from './tell-refusal.js';

type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;

/** What calls are believed, judged and answered with. */
interface Means {
  readonly tokens: Believing['tokens'];
  readonly possession: Believing['possession'];
  readonly rights: UserRights;
  readonly admissions: Admissions;
  readonly pages: PageLinks;
  readonly exports: ExportLinks;
  /** The exports at work at all endpoints. */
  readonly exportsAtWork: ExportsAtWork;
  readonly records: CallRecords;
  readonly origins: Origins;
  readonly upstream: Pick<Upstream, 'ask' | 'read' | 'send' | 'pass' | 'job' | 'file' | 'base'>;
  readonly observing: Observing;
  readonly onObserved: ObservedCallMeans['onObserved'];
  readonly memory: BodyMemory;
  readonly limiter: CallLimiter;
  /** What an application may call whose approval says nothing of it. */
  readonly limits: CallLimits;
  readonly bundles: BundleLimits;
  readonly writes: {
    /** Writes are refused without. */
    readonly enforced: Enforced;
    readonly inFlight: InFlightWrites;
    readonly support: WriteSupport;
    /** The largest body of a write, in bytes. */
    readonly bodyMost: number;
  };
}

/**
 * Calls of the FHIR API of one endpoint: believe the token, look at what is in force, decide, ask the upstream, check what comes back,
 * record, answer. What is in force is looked at again in each tick in which something leaves.
 */
export class FhirCalls {
  readonly #inForce: InForce;
  readonly #leaving: Leaving;
  readonly #believing: Believing;
  readonly #writes: WriteCalls;
  readonly #bundles: BundleCalls;
  readonly #withheld: WithheldFrom;
  readonly #observed: ObservedCalls;
  readonly #identities: IdentitySupport;
  readonly #exports: ExportCalls;

  constructor(
    private readonly gateway: { readonly point: JudgingPoint; readonly calls: OpenCalls },
    private readonly means: Means,
    private readonly endpoint: Pick<FhirEndpoint, 'base' | 'path' | 'withhold' | 'auditAvailable' | 'operations'>,
    private readonly log: Pick<Log, 'warn' | 'error'>,
  ) {
    this.#inForce = new InForce(gateway.point, enforcedAt(endpoint, means.writes.enforced));
    this.#withheld = new WithheldFrom(endpoint.withhold ?? []);
    const { tokens, possession } = means;
    const onUnavailable = (error: unknown): void => log.warn('tokens cannot be checked now', error);
    this.#believing = { tokens, possession, onUnavailable };
    this.#leaving = new Leaving(means.records, { upstream: means.upstream.base, ours: endpoint.base }, log);
    const { records, upstream, memory, pages, limiter, limits, bundles, writes } = means;
    const { inFlight, bodyMost, enforced, support } = writes;
    const updatesCreate = enforced.writes?.updatesCreate === true;
    const { calls } = gateway;
    this.#identities = new IdentitySupport(upstream);
    const { base } = endpoint;
    const ofWrites = { inFlight, bodyMost, updatesCreate };
    const ofAll = { records, upstream, memory, ...ofWrites, calls, log, base, inForce: this.#inForce };
    this.#writes = new WriteCalls({ ...ofAll, support });
    const transactions = new TransactionSupport(upstream, support);
    const ofBundles = { pages, limiter, limits, bundles, transactions };
    this.#bundles = new BundleCalls({ ...ofAll, ...ofBundles, support });
    const { exportsAtWork: atWork } = means;
    const running = new RunningExports(upstream, calls, log, atWork);
    this.#exports = new ExportCalls({ ...ofAll, links: means.exports, running, atWork, leaving: this.#leaving });
    const { observing, onObserved } = means;
    this.#observed = new ObservedCalls({
      ...ofAll,
      ...ofBundles,
      support,
      observing,
      onObserved,
      leaving: this.#leaving,
    });
  }

  /**
   * Answers one request that came in below the mount.
   *
   * @param clientAddress whom it is believed to come from
   */
  async handle(request: IncomingMessage, response: ServerResponse, clientAddress?: string): Promise<void> {
    const error = await this.#answer(request, response, clientAddress);
    // What was not read of a body must not stand before the next request on the connection.
    request.resume();
    if (error) sendError(response, error);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    clientAddress: string | undefined,
  ): Promise<FhirError | undefined> {
    const target = splitTarget(request.url ?? '', this.endpoint.path);
    if (!target) return fhirError(404, 'not-found', 'There is nothing here.');
    const { origins, records, rights, admissions, pages } = this.means;
    origins.allowAny(request, response);
    const about = {
      method: request.method ?? '',
      correlationId: String(response.getHeader('x-correlation-id') ?? ''),
      ...clientOf(request, clientAddress),
    };
    const { method } = about;
    const { headers } = request;
    const claims = await believeCaller(this.#believing, {
      method,
      url: this.endpoint.base + target.path,
      headers,
      query: target.query,
    });
    if ('status' in claims) {
      // Whoever comes without a token is nobody; a token that does not count is worth a look.
      if (claims.status === 401 && request.headers.authorization !== undefined)
        records
          .unbelieved(about, claims.body.issue[0].diagnostics, claims.status)
          .catch((error: unknown) => this.log.warn('a token that does not count was not recorded', error));
      return claims;
    }
    if (claims.jkt !== undefined) response.setHeader('DPoP-Nonce', this.means.possession.nonce());
    origins.narrowTo(this.#inForce.accessOf(claims), request, response);
    const form = target.path.endsWith('/_search') ? await readForm(request) : '';
    if (form === undefined)
      return fhirError(413, 'too-long', `A search takes at most ${FORM_LIMIT} bytes of parameters.`);

    const asked = { method: request.method ?? '', ...target, headers: request.headers, form };
    const access = this.#inForce.accessOf(claims);
    const read = readCallOrExport(asked, claims, pages, this.means.exports, access?.approvalVersion);
    const { purposesOfUse } = access ?? {};
    const admitted = admissions.of(claims.clientId, purposesOfUse ?? []);
    const own = rightsOfCall(claims, rights, [this.endpoint.base], purposesOfUse, admitted);
    const call: JudgedCall = {
      callId: CallRecords.newCallId(),
      claims,
      ...read,
      ...(this.#mayWait(read.interaction, method, target.path) ? { mayWait: true } : {}),
      reaches: this.#withheld.from(own.reaches, purposesOfUse),
      ...(own.rights ? { rights: own.rights } : {}),
      ...about,
    };
    const decision = this.#inForce.decide(call);
    if (!decision) return changed;
    // What counts no more is told so, however often it comes.
    if (decision.outcome === 'deny' && decision.kind === 'token')
      return await this.#refuse(response, call, decision, access);
    const entered = this.means.limiter.enter(claims.applicationId, { ...this.means.limits, ...access?.limits });
    if (this.#observed.covers(call, access, target.path)) {
      const observe = async () => {
        const within = typeof entered === 'function' ? await this.#keptApart(call, decision) : tooManyCalls(entered);
        return await this.#observed.letIn({ request, target, form }, response, call, within, access);
      };
      return await this.#recorded(observe).finally(() => typeof entered === 'function' && entered());
    }
    if (typeof entered !== 'function') return await this.#refuse(response, call, tooManyCalls(entered), access);
    try {
      if (decision.outcome === 'deny') return await this.#refuse(response, call, decision, access);
      const untold = call.rights?.identity && (await this.#untold(call.rights.identity));
      if (untold) return await this.#refuse(response, call, notCarriedOut(untold), access, untold.answer);
      const { interaction } = call;
      if (isWrite(interaction))
        return await this.#recorded(
          async () => await this.#writes.letIn(request, response, { ...call, interaction }, decision, access),
        );
      if (interaction.kind === 'operation' && isExport(interaction))
        return await this.#recorded(
          async () => await this.#exports.letIn(request, response, { ...call, interaction }, decision, access),
        );
      if (interaction.kind === 'batch-or-transaction')
        return await this.#recorded(async () => await this.#bundles.letIn(request, response, call, decision, access));
      return await this.#letIn(request, response, call, decision, access);
    } finally {
      entered();
    }
  }

  /** Whether the records of a call may wait on the disk: what may change data never does. */
  #mayWait({ kind }: FhirInteraction, method: string, path: string): boolean {
    return this.endpoint.auditAvailable?.has(kind) === true && !mayChange(method, path);
  }

  async #refuse(
    response: ServerResponse,
    call: RecordedCall,
    decision: Denied,
    access: EffectiveAccess | undefined,
    error: FhirError = toldOf(decision, call.claims),
  ): Promise<FhirError | undefined> {
    try {
      const position = await this.means.records.decidedAsWanted(call, decision, access, error.status);
      sendError(response, error, positionHeader(position));
      return undefined;
    } catch (failure) {
      return this.#notRecorded(failure);
    }
  }

  /** What is decided of a call that a user makes, where the FHIR server is to keep users apart. */
  async #keptApart({ rights }: JudgedCall, decision: CallDecision): Promise<CallDecision> {
    if (decision.outcome === 'deny' || !rights?.identity) return decision;
    const untold = await this.#untold(rights.identity);
    return untold ? notCarriedOut(untold) : decision;
  }

  /** Why a user's call cannot go on where the FHIR server is to keep users apart; undefined where it does. */
  async #untold(identity: ToldIdentity): Promise<NotAnswered | undefined> {
    try {
      const looking = await this.#identities.of(identity);
      return looking === 'looks' ? undefined : notKeptApart[looking];
    } catch (error) {
      if (!(error instanceof UpstreamFailed)) throw error;
      return new NotAnswered(error.answer, 'the upstream could not be asked whether it keeps users apart');
    }
  }

  /** What a call is answered with that is recorded on its way; undefined when it was answered there. */
  async #recorded(answer: () => Promise<FhirError | undefined | void>): Promise<FhirError | undefined> {
    try {
      return (await answer()) ?? undefined;
    } catch (failure) {
      return this.#notRecorded(failure);
    }
  }

  async #letIn(
    request: IncomingMessage,
    response: ServerResponse,
    call: JudgedCall,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<FhirError | undefined> {
    const isAllowed = () => {
      const now = this.#inForce.decide(call);
      // What was judged under other scopes does not leave under these.
      return now?.outcome === 'allow' && now.granted === decided.granted;
    };
    const memory = this.means.memory.lease();
    const { cut, end } = this.gateway.calls.answering(
      { applicationId: call.claims.applicationId, isAllowed },
      response,
    );
    response.once('close', () => {
      // Where all was sent nothing is under way that it could end.
      if (!response.writableFinished) cut.abort();
      // Nothing more leaves on it, and its connection may be the next call's before the record is acknowledged.
      end();
    });
    let isWhole = false;
    try {
      const { upstream, pages } = this.means;
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const sight = { scopes: decided.granted, reaches: call.reaches, bases: [upstream.base, this.endpoint.base] };
      const answering = new Answering(
        sight,
        upstream.base,
        async (target) => await upstream.ask(target, by),
        call.rights,
        async (target, mayPass) => await upstream.read(target, by, mayPass),
      );
      const links = new BundleLinks(this.endpoint.base, pages, ownerOf(call.claims));
      const operations = {
        allowed: this.endpoint.operations ?? [],
        body: async () => await readWrittenBody(request, 'create', this.means.writes.bodyMost, memory),
      };
      const ask = async () => await answerCall(call.interaction, call.from, links, answering, operations);
      const recording = this.means.records.decidedAsWanted(call, decided, access);
      // An operation by POST is recorded before it is sent, as what changes data: only its operator says that it does not.
      const isRecordedFirst = call.interaction.kind === 'operation' && call.interaction.via === 'post';
      const [answer, recorded] = await Promise.allSettled([isRecordedFirst ? recording.then(ask) : ask(), recording]);
      isWhole = answer.status === 'fulfilled' && answer.value.large === undefined;
      if (recorded.status === 'rejected') return this.#notRecorded(recorded.reason);
      const letIn = { call, response, position: positionHeader(recorded.value) };
      try {
        if (answer.status === 'rejected') throw answer.reason;
        if (!isAllowed()) throw new NoLongerAllowed();
        await this.#leaving.send(letIn, answer.value, isAllowed);
      } catch (error) {
        const now = this.#inForce.decide(call);
        if (now?.outcome === 'allow') await this.#leaving.notAnswered(letIn, error);
        else await this.#leaving.withhold(letIn, now);
      }
      return undefined;
    } finally {
      // Requests may be under way where one failed, and a large answer waits where nothing left of it. To abort what is over
      // makes an error, with its stack, for nobody.
      if (!isWhole) cut.abort();
      memory.release();
      end();
    }
  }

  #notRecorded(failure: unknown): FhirError {
    if (!(failure instanceof NotRecorded)) throw failure;
    this.log.warn('a call could not be recorded', failure);
    return notRecorded;
  }
}

/** What is enforced at an endpoint: with the operations that its operator lists. */
export function enforcedAt({ operations }: Pick<FhirEndpoint, 'operations'>, enforced: Enforced): Enforced {
  return operations === undefined ? enforced : { ...enforced, operations };
}

const notKeptApart = {
  ignores: new NotAnswered(
    fhirError(403, 'not-supported', 'The FHIR server does not look at who acts, so that no user’s call goes there.'),
    'the upstream takes a forged identity',
  ),
  unknown: new NotAnswered(
    fhirError(503, 'transient', 'It is not known now whether the FHIR server looks at who acts.', {
      'Retry-After': '5',
    }),
    'the upstream does not let the gateway find out whether it keeps users apart',
  ),
} as const;
