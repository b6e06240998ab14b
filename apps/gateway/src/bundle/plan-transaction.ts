import { randomUUID } from 'node:crypto';
import {
  type FhirResource,
  isPlaceholder,
  linkEntries,
  type LocalReference,
  matchesParameter,
  type QueryParameter,
  understandCondition,
  type WriteInteraction,
} from '#smart';
import { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { ofNobody, type ToldOf } from '../answer/whom-it-tells-of.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { mustEndInScope, type Plan, type PlannedWrite, prepareWrite } from '../write/plan-write.js';
import { malformed } from '../write/read-written-body.js';
import { whomItWrites, type WriteOf } from '../write/write-outcomes.js';
import type { SupportedTransactions } from './transaction-support.js';

/** A write of a transaction. */
export interface TransactionWrite {
  /** Of its entry. */
  readonly index: number;
  readonly fullUrl: string | undefined;
  readonly write: WriteOf;
}

/** A write of a transaction that was judged together with all others. */
export interface PlannedEntry extends TransactionWrite {
  readonly plan: Plan;
  /** Whom it is about, before and after. */
  readonly whom: ToldOf;
  /** What other entries name it by upstream: a placeholder of ours. */
  readonly placeholder?: string;
}

/** An entry may not be carried out, so that none of its transaction is. */
export class EntryRefused extends Error {
  override readonly name = 'EntryRefused';
  readonly code = 'entry-refused';
  constructor(
    readonly index: number,
    /** NotAnswered, UpstreamFailed, WriteUnknown or NoLongerAllowed. */
    override readonly cause: unknown,
  ) {
    super('an entry of a transaction is refused', { cause });
  }
}

/** So many entries are looked at at once. */
const AT_ONCE = 8;

/**
 * Plans a transaction: what each entry comes to when all of them are carried out together, each by itself allowed to its
 * token. No two may be about one resource; a condition means what was there before, and nothing that another entry
 * makes; each state before is judged among the states before, and each state after among those after.
 *
 * @param ours our FHIR base, without a slash at its end
 * @throws EntryRefused
 */
export async function planTransaction(
  writes: readonly TransactionWrite[],
  supported: SupportedTransactions,
  ours: string,
): Promise<readonly PlannedEntry[]> {
  const entries = await inTurns(writes, async (each) => ({
    ...each,
    plan: await prepareWrite(each.write, each.write.at),
  }));
  refuseOverlaps(entries);
  const linked = linkAll(entries, supported, ours);
  refuseMovingConditions(linked);
  const after = new Map(linked.flatMap((it) => (it.after ? [it.after] : [])));
  const whom = await inTurns(linked, async ({ write, plan, judged }) => {
    const afterwards = new Afterwards(write.at, after);
    if (judged) await mustEndInScope(judged, afterwards);
    return plan.kind === 'write' ? await whomItWrites(judged ?? plan.write, write.at, afterwards) : ofNobody;
  });
  return linked.map(({ index, fullUrl, write, sent, placeholder }, at) => ({
    index,
    fullUrl,
    write,
    plan: sent,
    whom: whom[at] ?? ofNobody,
    ...(placeholder === undefined ? {} : { placeholder }),
  }));
}

/** What there will be once a transaction is carried out: its states after, and beside them what is there. */
class Afterwards extends Answering {
  constructor(
    at: Answering,
    /** By type and id; undefined for what is deleted. */
    private readonly after: ReadonlyMap<string, FhirResource | undefined>,
  ) {
    super(at.sight, at.upstream, async (target) => await at.ask(target), at.rights);
  }

  override async readOrNothing(type: LocalReference['type'], id: string): Promise<FhirResource | undefined> {
    const key = `${type}/${id}`;
    return this.after.has(key) ? this.after.get(key) : await super.readOrNothing(type, id);
  }
}

type Prepared = TransactionWrite & { readonly plan: Plan };

/** Type and id of what an entry is about; undefined for what is new, or nothing. */
function keyOf({ plan }: Prepared): string | undefined {
  if (plan.kind === 'found') return `${plan.type}/${plan.id}`;
  return plan.kind === 'write' && plan.write.verb !== 'create' ? `${plan.write.type}/${plan.write.id}` : undefined;
}

/** R4, RESTful API, 3.1.0.11.2: a transaction in which two entries are about one resource fails. */
function refuseOverlaps(entries: readonly Prepared[]): void {
  const keys = new Set<string>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (key === undefined) continue;
    if (keys.has(key)) throw refused(entry, 'another entry of the transaction is about the same resource');
    keys.add(key);
  }
}

type LinkedEntry = Prepared & {
  /** As it is judged: what it refers to in other entries has an id already. */
  readonly judged: PlannedWrite | undefined;
  readonly sent: Plan;
  readonly placeholder: string | undefined;
  /** Where it stands afterwards, and as what. */
  readonly after: readonly [key: string, resource: FhirResource | undefined] | undefined;
};

function linkAll(entries: readonly Prepared[], supported: SupportedTransactions, ours: string): readonly LinkedEntry[] {
  const judgedAs = new Map<string, string>();
  const sentAs = new Map<string, string>();
  const created = new Map<Prepared, string>();
  for (const entry of entries) {
    const { plan, fullUrl } = entry;
    const key = keyOf(entry);
    refuseOtherNames(entry, key, ours);
    const isCreation = plan.kind === 'write' && plan.write.verb === 'create';
    // An id that nobody has: what it will be, the server says.
    const id = isCreation ? randomUUID() : undefined;
    if (id !== undefined) created.set(entry, id);
    if (fullUrl === undefined || !isPlaceholder(fullUrl)) continue;
    const isGone = plan.kind === 'write' && plan.write.verb === 'delete';
    if (id !== undefined && isCreation) {
      judgedAs.set(fullUrl, `${plan.write.type}/${id}`);
      sentAs.set(fullUrl, `urn:uuid:${id}`);
    } else if (key !== undefined && !isGone) {
      judgedAs.set(fullUrl, key);
      sentAs.set(fullUrl, key);
    }
  }
  return entries.map((entry): LinkedEntry => {
    const { plan } = entry;
    if (plan.kind !== 'write')
      return { ...entry, judged: undefined, sent: plan, placeholder: undefined, after: undefined };
    const { write } = plan;
    if (write.verb === 'delete')
      return {
        ...entry,
        judged: undefined,
        sent: plan,
        placeholder: undefined,
        after: [`${write.type}/${write.id}`, undefined],
      };
    const own = created.get(entry);
    const judged = { ...write, after: linkedIn(entry, write.after, judgedAs) };
    const sent = { ...write, after: linkedIn(entry, write.after, sentAs) };
    if (!supported.references && JSON.stringify(sent.after) !== JSON.stringify(write.after))
      throw refusedBy(entry, notReferred);
    const id = write.verb === 'create' ? (own ?? '') : write.id;
    return {
      ...entry,
      judged,
      sent: { kind: 'write', write: sent },
      placeholder: own === undefined ? undefined : `urn:uuid:${own}`,
      after: [`${write.type}/${id}`, { ...judged.after, id }],
    };
  });
}

/** A name that is no placeholder would be that of a resource: it can only be the one that the entry is about. */
function refuseOtherNames(entry: Prepared, key: string | undefined, ours: string): void {
  const { fullUrl } = entry;
  if (fullUrl === undefined || isPlaceholder(fullUrl)) return;
  if (key === undefined || fullUrl !== `${ours}/${key}`)
    throw refused(entry, 'the fullUrl is neither a placeholder (urn:uuid) nor the URL of what the entry is about');
}

function linkedIn(entry: Prepared, resource: FhirResource, targets: ReadonlyMap<string, string>): FhirResource {
  const linked = linkEntries(resource, targets);
  if (!linked.ok) throw refused(entry, linked.reason);
  return linked.resource;
}

/** A condition was resolved before; were it met by what another entry makes, it would depend on which comes first. */
function refuseMovingConditions(entries: readonly LinkedEntry[]): void {
  for (const entry of entries) {
    const { interaction, at } = entry.write;
    const params = conditionOf(interaction);
    if (!params) continue;
    const isMet = entries.some(
      (other) =>
        other !== entry &&
        other.judged !== undefined &&
        other.judged.verb !== 'delete' &&
        other.judged.type === interaction.type &&
        meets(other.judged.after, other.judged.type, params, at.sight.bases),
    );
    if (isMet) throw refused(entry, 'the condition is met by what another entry of the transaction makes');
  }
}

function meets(
  resource: FhirResource,
  type: WriteInteraction['type'],
  params: readonly QueryParameter[],
  bases: readonly string[],
): boolean {
  return params.every((it) => matchesParameter(resource, type, it, bases));
}

function conditionOf(interaction: WriteInteraction): readonly QueryParameter[] | undefined {
  const params =
    interaction.kind === 'conditional-create'
      ? interaction.condition
      : interaction.kind.startsWith('conditional-')
        ? interaction.params
        : undefined;
  if (!params) return undefined;
  const condition = understandCondition(interaction.type, params);
  return condition.ok ? condition.params : undefined;
}

/** Does something for each, some at once; of those that fail the first is refused. */
async function inTurns<T extends { readonly index: number }, R>(
  items: readonly T[],
  look: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const some = items.slice(from, from + AT_ONCE);
    const settled = await Promise.allSettled(some.map(look));
    settled.forEach((it, at) => {
      const { index } = some[at] ?? { index: 0 };
      if (it.status === 'rejected') throw new EntryRefused(index, it.reason);
      results.push(it.value);
    });
  }
  return results;
}

function refused({ index }: TransactionWrite, reason: string): EntryRefused {
  return new EntryRefused(index, malformed(reason));
}

function refusedBy({ index }: TransactionWrite, why: NotAnswered): EntryRefused {
  return new EntryRefused(index, why);
}

const notReferred = new NotAnswered(
  fhirError(403, 'not-supported', 'The FHIR server does not keep references between entries.'),
  'the upstream does not resolve placeholders',
);
