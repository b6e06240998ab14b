import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EffectiveAccess } from '#access';
import type { Log } from '#host';
import type { WriteInteraction } from '#smart';
import { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { CallRecords } from '../proxy/call-records.js';
import type { InForce } from '../proxy/in-force.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { forWhom, type JudgedCall } from '../proxy/read-call.js';
import { sendError } from '../proxy/send-answer.js';
import { changed, notCarriedOut, toldOf } from '../proxy/tell-refusal.js';
import type { InFlightWrites } from './in-flight-writes.js';
import { readWrittenBody } from './read-written-body.js';
import { sendWritten } from './send-written.js';
import { Writer } from './writer.js';
import type { WriteSupport } from './write-support.js';
import { isFhirError, preferredBy } from './written-answer.js';

type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;

/** A call that writes one resource, allowed by the request alone. */
export type WriteCall = JudgedCall & { readonly interaction: WriteInteraction };

export interface WriteCallMeans {
  readonly records: CallRecords;
  readonly upstream: Pick<Upstream, 'ask' | 'send' | 'base'>;
  readonly support: WriteSupport;
  readonly memory: BodyMemory;
  readonly inFlight: InFlightWrites;
  readonly calls: OpenCalls;
  readonly inForce: InForce;
  /** The largest body that is taken, in bytes. */
  readonly bodyMost: number;
  /** An update of what is not there creates it, where nothing of its type is hidden. */
  readonly updatesCreate: boolean;
  /** Our FHIR base, without a slash at its end. */
  readonly base: string;
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/** Answers calls that write. */
export class WriteCalls {
  readonly #writer: Writer;
  readonly #bases: { readonly upstream: string; readonly ours: string };

  constructor(private readonly means: WriteCallMeans) {
    const { records, upstream, support, inFlight, base, log } = means;
    this.#bases = { upstream: upstream.base, ours: base };
    this.#writer = new Writer({ records, upstream, support, inFlight, bases: this.#bases, log });
  }

  /** @throws NotRecorded when it could not be recorded; it was then not sent */
  async letIn(
    request: IncomingMessage,
    response: ServerResponse,
    call: WriteCall,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<void> {
    const { inForce, calls, upstream, base } = this.means;
    const isAllowed = () => {
      const now = inForce.decide(call);
      // What was judged under other scopes is not written under these.
      return now?.outcome === 'allow' && now.granted === decided.granted;
    };
    const memory = this.means.memory.lease();
    const { cut, end } = calls.answering({ applicationId: call.claims.applicationId, isAllowed }, response);
    // Whoever goes away before it is sent does not want it any more.
    response.once('close', () => cut.abort());
    try {
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const sight = { scopes: decided.granted, reaches: call.reaches, bases: [upstream.base, base] };
      const at = new Answering(sight, upstream.base, async (target) => await upstream.ask(target, by), call.rights);
      const body = await this.#bodyOf(request, response, call, access, memory);
      if (body === refused) return;
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
      const preferred = preferredBy(request.headers);
      const { updatesCreate } = this.means;
      const asked = { interaction: call.interaction, body, ifMatch, ifNoneMatch, updatesCreate };
      const write = { ...asked, call, decided, access, preferred, at, by };
      const { answer, position } = await this.#writer.carryOut(write);
      const now = inForce.decide(call);
      if (now?.outcome !== 'allow')
        sendError(response, now ? toldOf(now, call.claims) : changed, { 'Gatehouse-Position': position });
      else if (isFhirError(answer)) sendError(response, answer, { 'Gatehouse-Position': position });
      else await sendWritten(response, answer, position, this.#bases, isAllowed);
    } finally {
      memory.release();
      end();
    }
  }

  /** What is to be written; a body that is not taken is recorded and told. */
  async #bodyOf(
    request: IncomingMessage,
    response: ServerResponse,
    call: WriteCall,
    access: EffectiveAccess | undefined,
    memory: Parameters<typeof readWrittenBody>[3],
  ): Promise<unknown> {
    try {
      return await readWrittenBody(request, call.interaction.kind, this.means.bodyMost, memory);
    } catch (error) {
      if (!(error instanceof NotAnswered)) throw error;
      const { answer } = error;
      const position = await this.means.records.decided(call, notCarriedOut(error), access, answer.status);
      sendError(response, answer, { 'Gatehouse-Position': position });
      return refused;
    }
  }
}

const refused = Symbol('a body that was refused');
