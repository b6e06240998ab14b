import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EffectiveAccess } from '#access';
import type { Log } from '#host';
import { type OperationInteraction, systemScopes, writeParameters } from '#smart';
import { Answering } from '../answer/answering.js';
import { type NotAnswered, notThere, wrongAnswer } from '../answer/not-answered.js';
import type { BodyMemory } from '../ask-upstream/body-memory.js';
import type { JobAnswer } from '../ask-upstream/export-job.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { atEnd, isOver } from '../believe-token/access-token-claims.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import { type CallRecords, positionHeader } from '../proxy/call-records.js';
import type { InForce } from '../proxy/in-force.js';
import type { Leaving, LetIn } from '../proxy/leaving.js';
import type { OpenCalls } from '../proxy/open-calls.js';
import { forWhom, type JudgedCall } from '../proxy/read-call.js';
import { sendEmpty, sendPieces, sendResource, type Sent } from '../proxy/send-answer.js';
import { malformed } from '../write/read-written-body.js';
import { levelOf, notBegun, pathOf, placeOf, tooMany, typesAskedFor, waitLonger } from './export-answers.js';
import { type ExportLinks, type ExportOwner, JOB_PARAMETER } from './export-links.js';
import { ExportedFile } from './exported-file.js';
import type { ExportsAtWork } from './exports-at-work.js';
import { membersOf } from './exported-lines.js';
import { belowBase, filesIn, offeredFiles, transactionTimeIn, type UpstreamFile } from './manifest.js';
import type { RunningExports } from './running-exports.js';

type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;

/** A call of an export, allowed by the request alone. */
type Call = JudgedCall & { readonly interaction: OperationInteraction };

export interface ExportCallMeans {
  readonly records: CallRecords;
  readonly upstream: Pick<Upstream, 'ask' | 'job' | 'file' | 'base'>;
  readonly memory: BodyMemory;
  readonly calls: OpenCalls;
  readonly inForce: InForce;
  readonly leaving: Leaving;
  readonly links: ExportLinks;
  readonly running: RunningExports;
  /** Those of all endpoints. */
  readonly atWork: ExportsAtWork;
  /** Our FHIR base, without a slash at its end. */
  readonly base: string;
  readonly log: Pick<Log, 'warn' | 'error'>;
}

/** What a call of an export is answered with. */
interface Under {
  readonly call: Call;
  readonly decided: Allowed;
  readonly access: EffectiveAccess | undefined;
  readonly by: AskedFor;
  readonly at: Answering;
  readonly letIn: LetIn;
}

/**
 * Answers `$export` (Bulk Data Access 2.0): what begins one, how it stands, its end, and its files, line by line. Every call
 * is recorded, acknowledged, before anything is asked.
 */
export class ExportCalls {
  constructor(private readonly means: ExportCallMeans) {}

  /** @throws NotRecorded when it could not be recorded; nothing was asked then */
  async letIn(
    request: IncomingMessage,
    response: ServerResponse,
    call: Call,
    decided: Allowed,
    access: EffectiveAccess | undefined,
  ): Promise<void> {
    const { inForce, calls, upstream, base, leaving, records } = this.means;
    const isAllowed = () => {
      const now = inForce.decide(call);
      // A file may take longer than the token counts.
      return now?.outcome === 'allow' && now.granted === decided.granted && !isOver(call.claims);
    };
    const memory = this.means.memory.lease();
    const { cut, end } = calls.answering({ applicationId: call.claims.applicationId, isAllowed }, response);
    const over = atEnd(call.claims, () => calls.lookAgain(call.claims.applicationId));
    response.once('close', () => {
      if (!response.writableFinished) cut.abort();
      clearTimeout(over);
      end();
    });
    try {
      const by = { ...forWhom(call, access), signal: cut.signal, isAllowed, memory };
      const sight = { scopes: systemScopes(decided.granted), reaches: call.reaches, bases: [upstream.base, base] };
      const at = new Answering(sight, upstream.base, async (target) => await upstream.ask(target, by), call.rights);
      const position = positionHeader(await records.decided(call, decided, access));
      const letIn = { call, response, position };
      const under: Under = { call, decided, access, by, at, letIn };
      try {
        await this.#answer(request, under);
      } catch (error) {
        const now = inForce.decide(call);
        if (now?.outcome === 'allow') await leaving.notAnswered(letIn, error);
        else await leaving.withhold(letIn, now);
      }
    } finally {
      memory.release();
      clearTimeout(over);
      end();
    }
  }

  async #answer(request: IncomingMessage, under: Under): Promise<void> {
    const { name, via } = under.call.interaction;
    if (name === 'export') await this.#begin(request, under);
    else if (name === 'export-file') await this.#file(under);
    else if (via === 'delete') await this.#end(under);
    else await this.#status(under);
  }

  async #begin({ headers }: Pick<IncomingMessage, 'headers'>, under: Under): Promise<void> {
    const { call, by, letIn } = under;
    const { atWork, links, base } = this.means;
    const { interaction, claims } = call;
    if (!/(^|[,;\s])respond-async($|[,;\s])/.test(String(headers['prefer'] ?? '')))
      throw malformed('an export is begun with the header Prefer: respond-async');
    const giveBack = await atWork.take(claims.applicationId);
    if (!giveBack) throw tooMany;
    let status: string;
    try {
      status = await this.#beginAtServer(under);
    } finally {
      giveBack();
    }
    if (!by.isAllowed()) {
      await this.#withhold(under);
      return;
    }
    const sealed = links.seal(interaction, { status }, ownerOf(under));
    await this.#sendEmpty(letIn, 202, { 'Content-Location': `${base}/$export-status?${JOB_PARAMETER}=${sealed}` });
  }

  /** Begins one, and notes it. One of which nobody can be told where it stands is ended again. */
  async #beginAtServer(under: Under): Promise<string> {
    const { call, access, by, letIn } = under;
    const { upstream, running } = this.means;
    await this.#groupOf(under);
    const target = `${pathOf(call.interaction)}?${this.#askedFor(under)}`;
    const answer = await upstream.job({ method: 'GET', target, begins: true }, by);
    if (answer.status !== 202) throw notBegun(answer);
    const status = belowBase(answer.contentLocation, upstream.base);
    if (status === undefined) throw wrongAnswer('the upstream’s export is not at it');
    const mayGoOn = () => this.means.inForce.mayGoOn(call, access?.approvalVersion);
    // Access that was closed while the server began it did not find it, nor did a caller who left.
    if (by.isAllowed() && mayGoOn() && !letIn.response.destroyed)
      running.began(call.claims.applicationId, status, mayGoOn);
    else running.endAtServer(status);
    return status;
  }

  async #status(under: Under): Promise<void> {
    const { call, by, letIn, at } = under;
    const { upstream, running } = this.means;
    const { status } = placeOf(call);
    running.asked(call.claims.applicationId, status);
    const answer = await upstream.job({ method: 'GET', target: status }, by);
    if (answer.status === 202) {
      await this.#sendEmpty(letIn, 202, { 'Retry-After': String(Math.min(Math.ceil(answer.retryAfter ?? 5), 3_600)) });
      return;
    }
    if (answer.status !== 200) throw await this.#noneThere(call, answer);
    running.completed(call.claims.applicationId, status);
    const files = offeredFiles(
      filesIn(answer.manifest, upstream.base),
      call.interaction.params,
      levelOf(call),
      at.sight,
    );
    const manifest = {
      transactionTime: transactionTimeIn(answer.manifest),
      request: this.#requestOf(call.interaction),
      requiresAccessToken: true,
      output: files.map((file) => ({ type: file.type, url: this.#addressOf(file, under) })),
      error: [],
    };
    const headers = { ...letIn.position, 'Content-Type': 'application/json', 'Cache-Control': 'private, no-cache' };
    const sent = await sendResource(letIn.response, Buffer.from(JSON.stringify(manifest)), headers, by.isAllowed);
    await this.#complete(call, 200, sent);
  }

  async #end({ call, by, letIn }: Under): Promise<void> {
    const { status } = placeOf(call);
    const { running, upstream } = this.means;
    const { applicationId } = call.claims;
    if (!running.isOfOthers(applicationId, status)) {
      const answer = await upstream.job({ method: 'DELETE', target: status }, by);
      if (answer.status >= 300) throw await this.#noneThere(call, answer);
    }
    running.ended(applicationId, status);
    await this.#sendEmpty(letIn, 202, {});
  }

  async #file(under: Under): Promise<void> {
    const { call, by, letIn, at, decided, access } = under;
    const { upstream, records, memory, base } = this.means;
    const { status, file } = placeOf(call);
    const members = await this.#groupOf(under);
    const answer = await upstream.job({ method: 'GET', target: status }, by);
    if (answer.status !== 200) throw await this.#noneThere(call, answer);
    const all = filesIn(answer.manifest, upstream.base).filter(({ type }) => type === file?.type);
    const level = levelOf(call);
    const [offered] = offeredFiles(all, call.interaction.params, level, at.sight);
    // What was offered as one of several is not one any more where a part of its type is hidden by now.
    const isOffered = offered !== undefined && (offered.index === undefined) === (file?.index === undefined);
    const chosen = file?.index === undefined ? all : all.slice(file.index, file.index + 1);
    if (!isOffered || (file?.index !== undefined && chosen.length === 0)) throw notThere('there is no such file');
    const exported = new ExportedFile(
      { call, decided, access, records },
      {
        type: offered.type,
        level,
        ...(members === undefined ? {} : { members }),
        sight: at.sight,
        bases: { upstream: upstream.base, ours: base },
      },
    );
    const read = chosen.map(
      ({ target }: UpstreamFile) =>
        () =>
          upstream.file(target, by),
    );
    const headers = {
      ...letIn.position,
      'Content-Type': 'application/fhir+ndjson',
      'Cache-Control': 'private, no-store',
      'Content-Disposition': 'attachment',
    };
    const isHead = letIn.response.req.method === 'HEAD';
    try {
      const pieces = exported.blocks(isHead ? [] : read, memory);
      const handedOver = (bytes: number) => exported.handedOver(bytes);
      const sent = await sendPieces(letIn.response, pieces, headers, by.isAllowed, undefined, handedOver);
      await this.#complete(call, 200, sent);
    } catch (error) {
      if (!letIn.response.headersSent) throw error;
      this.means.log.warn('a file of an export broke off', error, { applicationId: call.claims.applicationId });
      await this.#complete(call, 200, { ending: 'upstream-failed', bytes: exported.bytes });
    }
  }

  /** Of a group's export who is in the group, which must be in sight; undefined for other exports. */
  async #groupOf({ call: { interaction }, at }: Under): Promise<ReadonlySet<string> | undefined> {
    if (interaction.level !== 'instance') return undefined;
    const group = await at.readOrNothing(interaction.type, interaction.id);
    if (!group || !(await at.sees(group, 'r'))) throw notThere('the group is not in sight');
    return membersOf(group, at.sight.bases, Date.now());
  }

  /** The parameters as they go on: the types by name, unless all of them are seen. */
  #askedFor({ call, at }: Under): string {
    const { params } = call.interaction;
    const types = typesAskedFor(call, at);
    return writeParameters([
      { name: '_outputFormat', value: 'application/fhir+ndjson' },
      ...params.filter(({ name }) => name === '_since'),
      ...(types === undefined ? [] : [{ name: '_type', value: types.join(',') }]),
    ]);
  }

  #requestOf(interaction: OperationInteraction): string {
    const query = writeParameters(interaction.params);
    return `${this.means.base}${pathOf(interaction)}${query === '' ? '' : `?${query}`}`;
  }

  #addressOf(file: { readonly type: string; readonly index?: number }, under: Under): string {
    const { status } = placeOf(under.call);
    const sealed = this.means.links.seal(under.call.interaction, { status, file }, ownerOf(under));
    return `${this.means.base}/$export-file?${JOB_PARAMETER}=${sealed}`;
  }

  async #noneThere(call: Call, { status, retryAfter }: JobAnswer): Promise<NotAnswered> {
    if (status === 404 || status === 410) {
      this.means.running.ended(call.claims.applicationId, placeOf(call).status);
      return notThere('the upstream has no such export');
    }
    if (status === 429) return waitLonger(retryAfter);
    return wrongAnswer(`the upstream answered an export with ${status}`);
  }

  async #withhold({ call, letIn }: Under): Promise<void> {
    const now = this.means.inForce.decide(call);
    await this.means.leaving.withhold(letIn, now?.outcome === 'deny' ? now : undefined);
  }

  async #sendEmpty(
    { call, response, position }: LetIn,
    status: number,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const ending = response.destroyed ? 'caller-gone' : 'sent';
    sendEmpty(response, status, { ...position, ...headers, 'Cache-Control': 'no-store' });
    await this.#complete(call, status, { ending, bytes: 0 });
  }

  async #complete(
    call: LetIn['call'],
    status: number,
    ended: Sent | { readonly ending: 'upstream-failed'; readonly bytes: number },
  ): Promise<void> {
    try {
      await this.means.records.completed(call, { status, ...ended });
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      const { applicationId } = call.claims;
      this.means.log.error('what became of a call of an export could not be recorded', error, { applicationId });
    }
  }
}

/** An export belongs to its application and the approval with which it was begun. */
function ownerOf({ call: { claims }, access }: Under): ExportOwner {
  const { endpoint, applicationId } = claims;
  return { endpoint, applicationId, approvalVersion: access?.approvalVersion };
}
