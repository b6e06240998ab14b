import { isWrite } from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import { NoLongerAllowed } from '../ask-upstream/upstream-failed.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { PageLinks } from '../page-links/page-links.js';
import type { InForce } from '../proxy/in-force.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { changed, type Denied } from '../proxy/tell-refusal.js';
import type { Bases } from '../write/write-outcomes.js';
import { notKept } from '../write/writer.js';
import { askEntry, toldOfFailure } from './batches.js';
import { type Allowed, answeringOf, type BundleCall, type EntryCall, writeOf } from './bundle-call.js';
import { type Refusal, refusalBy, refusalOf } from './entry-refusal.js';
import { EntryRefused, type PlannedEntry, planTransaction, type TransactionWrite } from './plan-transaction.js';
import type { TransactionSupport } from './transaction-support.js';

/** What transactions are judged with. */
export interface TransactionJudging {
  readonly upstream: Pick<Upstream, 'ask' | 'base'>;
  readonly support: Pick<TransactionSupport, 'of'>;
  readonly inForce: InForce;
  readonly pages: PageLinks;
  readonly bases: Bases;
}

/** An entry and the decision of the call that it would be by itself. */
export interface DecidedEntry {
  readonly one: EntryCall;
  readonly decided: Allowed;
}

/** What a transaction comes to, before anything of it is sent. */
export type JudgedTransaction =
  | { readonly kind: 'refused'; readonly index: number; readonly refusal: Refusal }
  | { readonly kind: 'planned'; readonly decided: readonly DecidedEntry[]; readonly planned: readonly PlannedEntry[] };

/**
 * Judges a transaction: every entry by its request alone, then every write together with the others; what reads is asked, so that
 * it may refuse the whole.
 *
 * @throws EntryRefused for what is found by asking the FHIR server, or where that cannot be asked
 */
export async function judgeTransaction(bundle: BundleCall, means: TransactionJudging): Promise<JudgedTransaction> {
  const decided: DecidedEntry[] = [];
  for (const one of bundle.entries) {
    const { index } = one;
    const decision = means.inForce.decide(one.call);
    if (!decision) return { kind: 'refused', index, refusal: refusalBy(changed, 'not up to date') };
    const refusal = refusalOf(one, decision);
    if (refusal) return { kind: 'refused', index, refusal };
    if (decision.outcome === 'allow') decided.push({ one, decided: decision });
  }
  return { kind: 'planned', decided, planned: await plan(bundle, decided, means) };
}

/** @throws EntryRefused */
async function plan(
  bundle: BundleCall,
  decided: readonly DecidedEntry[],
  means: TransactionJudging,
): Promise<readonly PlannedEntry[]> {
  const writes = decided.flatMap(({ one, decided: by }): TransactionWrite[] => {
    const write = writeOf(one, by, bundle, answeringOf(bundle, one, means.upstream, means.bases.ours));
    return write && one.entry.ok ? [{ index: one.index, fullUrl: one.entry.fullUrl, write }] : [];
  });
  const planned = writes.length === 0 ? [] : await planWrites(writes, means);
  for (const { one } of readsIn(decided))
    try {
      if (!bundle.bounds.stopped()) await askEntry(one, bundle, means);
    } catch (error) {
      throw new EntryRefused(one.index, error);
    }
  return planned;
}

async function planWrites(
  writes: readonly TransactionWrite[],
  { support, bases }: TransactionJudging,
): Promise<readonly PlannedEntry[]> {
  const [first] = writes;
  try {
    const supported = await support.of();
    const missing = writes.find(({ write }) =>
      write.interaction.kind.endsWith('delete') ? !supported.delete : !supported.atomic,
    );
    if (missing) throw new EntryRefused(missing.index, supported.atomic ? notKept : notAtomic);
    return await planTransaction(writes, supported, bases.ours);
  } catch (error) {
    if (error instanceof EntryRefused) throw error;
    throw new EntryRefused(first?.index ?? 0, error);
  }
}

export function readsIn(decided: readonly DecidedEntry[]): readonly DecidedEntry[] {
  return decided.filter(({ one }) => !isWrite(one.call.interaction));
}

/** An entry that is refused, or for which the FHIR server could not be asked. */
export function refusalOfFailure(cause: unknown): Refusal {
  if (cause instanceof NotAnswered) return refusalBy(cause.answer, cause.reason);
  if (cause instanceof NoLongerAllowed) return refusalBy(changed, 'access changed meanwhile');
  if (cause instanceof WriteUnknown) return refusalBy(cause.answer, 'the upstream could not be asked');
  return refusalBy(toldOfFailure(cause), 'the upstream gave nothing');
}

/** The decision against an entry of a transaction that is refused for another one. */
export function refusedWithOther({ answer, denied }: Refusal): Denied {
  return refusalBy(answer, `another entry of its transaction is refused: ${denied.reason}`).denied;
}

const notAtomic = new NotAnswered(
  fhirError(
    403,
    'not-supported',
    'The FHIR server does not carry out transactions as a whole and by version, so that none is sent to it; a batch is carried out.',
  ),
  'the upstream keeps no transactions',
);
