import type { EffectiveAccess } from '#access';
import type { Log } from '#host';
import { isResource } from '#smart';
import type { Answering } from '../answer/answering.js';
import { incompleteUnless, together, whomItTellsOf } from '../answer/whom-it-tells-of.js';
import type { UpstreamWritten } from '../ask-upstream/upstream-write.js';
import { answeringOf } from '../bundle/bundle-call.js';
import { bundleAnswer } from '../bundle/transaction-body.js';
import { type CallRecords, NotRecorded, type RecordedObservation, type RecordedWrite } from '../proxy/call-records.js';
import { outcomeOf, versionIdIn, whereWritten } from '../write/written-answer.js';
import type { BundleJudging, JudgedBundle, JudgedEntry } from './judge-bundle.js';
import { mayChange } from './passed-on.js';
import { showsInPart } from './shows-in-part.js';
import { nothingWouldHaveLeft, wouldHaveLeft } from './would-have-left.js';

type Completed = Parameters<CallRecords['completed']>[1];

/** What the server said of a Bundle that was handed on, and how much of that left. */
export interface BundleEnded {
  readonly status: number;
  readonly ending: Completed['ending'];
  /** Whether anything of the answer left. */
  readonly isSent: boolean;
  /** The answer as JSON; undefined for what is none. */
  readonly json?: unknown;
  /** Where the server gave no answer: what became of its writes. */
  readonly failedAs?: RecordedWrite['outcome'];
}

/** The records of the entries of observed Bundles: each has its own, as where calls are enforced. */
export class ObservedBundles {
  constructor(
    private readonly means: Pick<BundleJudging, 'upstream' | 'bases'> & {
      readonly records: CallRecords;
      readonly log: Pick<Log, 'error'>;
    },
  ) {}

  /**
   * Records what is decided of each entry, before the Bundle goes on.
   *
   * @throws NotRecorded
   */
  async decided({ entries }: JudgedBundle, access: EffectiveAccess | undefined): Promise<void> {
    const { records } = this.means;
    const all = await Promise.allSettled(
      entries.map(
        async ({ one, decision, whom }) => await records.decided(one.call, decision, access, undefined, whom.patients),
      ),
    );
    const failed = all.find((it) => it.status === 'rejected');
    if (!failed) return;
    // Of what is on record as let in it is to be known that nothing came of it.
    await Promise.all(
      entries
        .filter((_, at) => all[at]?.status === 'fulfilled')
        .map(async (each) => await this.#complete(each, { status: 503, bytes: 0, ending: 'withheld' })),
    );
    throw failed.reason instanceof NotRecorded ? failed.reason : new NotRecorded('an entry could not be recorded');
  }

  /**
   * Records what became of each entry, and how much of what left of it would have left.
   *
   * @returns the same of all together; undefined where the answer does not say it entry by entry
   */
  async completed(judged: JudgedBundle, ended: BundleEnded): Promise<RecordedObservation | undefined> {
    const { type, entries } = judged;
    const said = bundleAnswer(type, ended.json, entries.length);
    const each = await Promise.all(
      entries.map(async (entry, index) => {
        const own = said?.[index];
        const { upstream, bases } = this.means;
        const at = judged.bundle && answeringOf(judged.bundle, entry.one, upstream, bases.ours);
        const observed = await this.#observed(entry, at, ended, own);
        const { patients, ...more } = await this.#shownOf(entry, at, ended, own);
        const written = writtenOf(entry, ended, own);
        const { ending } = ended;
        const status = own?.status ?? ended.status;
        await this.#complete(entry, { status, ending, observed, ...more, ...(written ? { written } : {}) }, patients);
        return observed;
      }),
    );
    return said && allOf(each);
  }

  async #observed(
    { one, decision }: JudgedEntry,
    at: Answering | undefined,
    { isSent, status }: BundleEnded,
    said: UpstreamWritten | undefined,
  ): Promise<RecordedObservation> {
    const { resource } = said ?? {};
    if (decision.outcome === 'deny') return nothingWouldHaveLeft(said?.status ?? status, isSent ? resource : undefined);
    if (!isSent || !at) return { outcome: 'allowed', withheld: 0 };
    if (!said) return { outcome: status < 400 ? 'unknown' : 'allowed', withheld: 0 };
    const answer = { status: said.status, json: resource, isEmpty: resource === undefined };
    return await wouldHaveLeft(one.call.interaction, answer, at);
  }

  /** How much left of an entry, in bytes as JSON, and of whom that tells. */
  async #shownOf(
    { one, whom }: JudgedEntry,
    at: Answering | undefined,
    { isSent }: BundleEnded,
    said: UpstreamWritten | undefined,
  ): Promise<Pick<Completed, 'bytes' | 'patientsIncomplete'> & { readonly patients: readonly string[] }> {
    const { resource } = said ?? {};
    if (!isSent || !isResource(resource))
      return { bytes: 0, patients: whom.patients, ...incompleteUnless(whom.areAll) };
    const { upstream, ours } = this.means.bases;
    const { patients, areAll } = together(whom, await whomItTellsOf(resource, [upstream, ours], at));
    const bytes = Buffer.byteLength(JSON.stringify(resource));
    return { bytes, patients, ...incompleteUnless(areAll && !showsInPart(one.call.interaction)) };
  }

  async #complete({ one }: JudgedEntry, ended: Completed, patients: readonly string[] = []): Promise<void> {
    const { call } = one;
    try {
      await this.means.records.completed(call, ended, patients);
    } catch (error) {
      // The decision is recorded; that its result is not is a gap in the run, which the audit sees.
      const { applicationId } = call.claims;
      this.means.log.error('what became of an observed entry could not be recorded', error, { applicationId });
    }
  }
}

/** What became of the data of an entry that may write; undefined for one that does not. */
function writtenOf(
  { one: { call, entry } }: JudgedEntry,
  { status, failedAs }: BundleEnded,
  said: UpstreamWritten | undefined,
): RecordedWrite | undefined {
  if (!mayChange(call.method, entry.ok ? entry.request.path : '')) return undefined;
  const { interaction } = call;
  const type = 'type' in interaction ? interaction.type : undefined;
  const outcome = failedAs ?? (said ? outcomeOf(said.status) : status < 300 ? 'unknown' : outcomeOf(status));
  const known = said && type !== undefined && outcome === 'changed' ? whereWritten(type, said) : {};
  const resourceId = 'id' in interaction ? interaction.id : known.id;
  const versionId = interaction.kind.endsWith('delete') ? undefined : versionIdIn(known.etag);
  return {
    outcome,
    resourceType: type ?? 'Resource',
    ...(resourceId === undefined ? {} : { resourceId }),
    ...(versionId === undefined ? {} : { versionId }),
  };
}

function allOf(each: readonly RecordedObservation[]): RecordedObservation {
  const withheld = each.reduce((sum, it) => sum + it.withheld, 0);
  if (each.some(({ outcome }) => outcome === 'unknown')) return { outcome: 'unknown', withheld };
  return { outcome: each.every(({ outcome }) => outcome === 'allowed') ? 'allowed' : 'filtered', withheld };
}
