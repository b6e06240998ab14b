import type { EffectiveAccess } from '#access';
import type { CallLimits } from '#contracts';
import { readBundle } from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import { ofNobody, type ToldOf } from '../answer/whom-it-tells-of.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import { inTurns } from '../bundle/batches.js';
import { BundleBounds, type BundleLimits } from '../bundle/bundle-bounds.js';
import {
  type Allowed,
  answeringOf,
  type BundleCall,
  type EntryCall,
  entryCallOf,
  writeOf,
} from '../bundle/bundle-call.js';
import { placeholdersIn, refusalOf, refusalOfReferences } from '../bundle/entry-refusal.js';
import {
  judgeTransaction,
  refusalOfFailure,
  refusedWithOther,
  type TransactionJudging,
} from '../bundle/judge-transaction.js';
import { EntryRefused } from '../bundle/plan-transaction.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { CallLimiter } from '../limit-calls/call-limits.js';
import type { JudgedCall } from '../proxy/read-call.js';
import { changed, type Denied, notCarriedOut, tooManyCalls } from '../proxy/tell-refusal.js';
import { malformed } from '../write/read-written-body.js';
import { whomItWrites } from '../write/write-outcomes.js';
import { planSupported } from '../write/writer.js';
import type { WriteSupport } from '../write/write-support.js';
import { EarlierEntries } from './earlier-entries.js';

/** An entry of an observed Bundle, and what is decided of it. */
export interface JudgedEntry {
  readonly one: EntryCall;
  readonly decision: CallDecision;
  /** Of a write that was planned: whom it is about, before and after. */
  readonly whom: ToldOf;
}

/** An observed Bundle, and what is decided of it. */
export interface JudgedBundle {
  readonly type: 'batch' | 'transaction';
  readonly decision: CallDecision;
  readonly entries: readonly JudgedEntry[];
  /** What its entries are judged with; undefined where nothing of it would have been carried out. */
  readonly bundle: BundleCall | undefined;
}

/** What observed Bundles are judged with. */
export interface BundleJudging extends TransactionJudging {
  readonly writes: Pick<WriteSupport, 'of'>;
  readonly limiter: Pick<CallLimiter, 'countMore'>;
  /** What an application may call whose approval says nothing of it. */
  readonly limits: CallLimits;
  readonly bundles: BundleLimits;
  /** Of a batch: an update of what is not there creates it, where nothing of its type is hidden. */
  readonly updatesCreate: boolean;
}

/**
 * What would be decided of a Bundle and of each of its entries. Nothing of it is sent: an entry of a batch is judged by what is there
 * before, and what earlier ones would have made of it.
 *
 * @param body what it holds, as JSON
 * @throws NotAnswered for what is no Bundle that is taken
 */
export async function judgeBundle(
  body: unknown,
  call: JudgedCall,
  decision: CallDecision,
  by: AskedFor,
  access: EffectiveAccess | undefined,
  means: BundleJudging,
): Promise<JudgedBundle> {
  const { bundles, pages, limiter, limits, updatesCreate } = means;
  const read = readBundle(body, bundles.entries);
  if (!read.ok) throw malformed(read.reason);
  const { type } = read;
  const whole = { ...call, bundle: type };
  const entries = read.entries.map((entry, index) => entryCallOf(entry, index, whole, pages));
  const more = limiter.countMore(call.claims.applicationId, entries.length - 1, { ...limits, ...access?.limits });
  const decided = decision.outcome === 'allow' && more ? tooManyCalls(more) : decision;
  if (decided.outcome === 'deny') {
    const each = entries.map((one) => ({ one, decision: decided, whom: ofNobody }));
    return { type, decision: decided, entries: each, bundle: undefined };
  }
  const bounds = new BundleBounds(bundles, by.signal, by.memory);
  const bundle = { call: whole, decided, access, entries, by, preferred: 'minimal', updatesCreate, bounds } as const;
  if (type === 'transaction') return { type, bundle, ...(await judgedWhole(bundle, means)) };
  return { type, bundle, decision: decided, entries: await judgedOneByOne(bundle, means) };
}

/** A transaction with one refused entry is refused whole. */
async function judgedWhole(
  bundle: BundleCall,
  means: BundleJudging,
): Promise<Pick<JudgedBundle, 'decision' | 'entries'>> {
  const judged = await judgeTransaction(bundle, means).catch((error: unknown) => {
    if (!(error instanceof EntryRefused)) throw error;
    const { index, cause } = error;
    return cause instanceof NotAnswered
      ? ({ kind: 'refused', index, refusal: refusalOfFailure(cause) } as const)
      : // Whether the server would have refused it is told by its answer.
        (mustBeOfServer(cause), { kind: 'unasked' } as const);
  });
  if (judged.kind === 'refused') {
    const { denied } = judged.refusal;
    const other = refusedWithOther(judged.refusal);
    const whole: Denied = { ...denied, reason: `entry ${judged.index}: ${denied.reason}` };
    const each = (one: EntryCall) => ({ one, decision: one.index === judged.index ? denied : other, whom: ofNobody });
    return { decision: whole, entries: bundle.entries.map(each) };
  }
  const whom = new Map(judged.kind === 'planned' ? judged.planned.map((it) => [it.index, it.whom]) : []);
  const entries = bundle.entries.map((one): JudgedEntry => {
    const decision = means.inForce.decide(one.call) ?? notUpToDate;
    return { one, decision, whom: whom.get(one.index) ?? ofNobody };
  });
  return { decision: bundle.decided, entries };
}

/** Each entry of a batch stands by itself, and what reads after what changes something sees what it made. */
async function judgedOneByOne(bundle: BundleCall, means: BundleJudging): Promise<readonly JudgedEntry[]> {
  const names = placeholdersIn(bundle.entries);
  const before = new EarlierEntries(means.upstream);
  const judged: JudgedEntry[] = [];
  for (const some of inTurns(bundle.entries))
    judged.push(...(await Promise.all(some.map(async (one) => await judgedEntry(one, bundle, names, before, means)))));
  return judged;
}

async function judgedEntry(
  one: EntryCall,
  bundle: BundleCall,
  names: ReadonlySet<string>,
  before: EarlierEntries,
  means: BundleJudging,
): Promise<JudgedEntry> {
  const decision = means.inForce.decide(one.call) ?? notUpToDate;
  const refusal = refusalOf(one, decision) ?? refusalOfReferences(one, names);
  if (refusal) return { one, decision: refusal.denied, whom: ofNobody };
  if (decision.outcome === 'deny' || bundle.bounds.stopped()) return { one, decision, whom: ofNobody };
  try {
    return { one, decision, whom: await whomItWould(one, decision, bundle, before, means) };
  } catch (error) {
    if (error instanceof NotAnswered) return { one, decision: notCarriedOut(error), whom: ofNobody };
    mustBeOfServer(error);
    return { one, decision, whom: ofNobody };
  }
}

/** Plans an entry that writes, and notes what it leaves behind. */
async function whomItWould(
  one: EntryCall,
  decided: Allowed,
  bundle: BundleCall,
  before: EarlierEntries,
  { bases, writes }: BundleJudging,
): Promise<ToldOf> {
  const at = answeringOf(bundle, one, before, bases.ours);
  const write = writeOf(one, decided, bundle, at);
  const plan = write && (await planSupported(write, at, writes));
  if (plan?.kind !== 'write') return ofNobody;
  const whom = await whomItWrites(plan.write, at);
  before.note(plan.write);
  return whom;
}

/** Rethrows what does not say that the server gave nothing, or could not be asked. */
function mustBeOfServer(error: unknown): void {
  const isOfServer =
    error instanceof UpstreamFailed || error instanceof WriteUnknown || error instanceof NoLongerAllowed;
  if (!isOfServer) throw error;
}

const notUpToDate: Denied = notCarriedOut({ answer: changed, reason: 'not up to date' });
