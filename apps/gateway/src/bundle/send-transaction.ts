import type { Upstream } from '../ask-upstream/upstream.js';
import { type UpstreamWritten, WriteUnknown } from '../ask-upstream/upstream-write.js';
import { type FhirError, fhirError } from '../proxy/operation-outcome.js';
import type { InFlightWrites } from '../write/in-flight-writes.js';
import type { Bases, Done, WriteOf, WriteOutcomes } from '../write/write-outcomes.js';
import { isFhirError, outcomeOf, toldOfWrite } from '../write/written-answer.js';
import { toldOfFailure } from './batches.js';
import { answeringOf, type BundleCall } from './bundle-call.js';
import type { PlannedEntry } from './plan-transaction.js';
import { transactionAnswer, transactionBody } from './transaction-body.js';

/** What became of the writes of a transaction, in the order in which they were planned. */
export interface SentTransaction {
  readonly each: readonly Done[];
  /** It was not carried out as a whole, or that is not known: what the caller is told instead. */
  readonly failure?: FhirError;
}

/** What a transaction is sent with. */
export interface SendingMeans {
  readonly upstream: Pick<Upstream, 'ask' | 'send' | 'base'>;
  readonly inFlight: InFlightWrites;
  readonly outcomes: WriteOutcomes;
  readonly bases: Bases;
}

type SentEntry = PlannedEntry & { readonly plan: { readonly kind: 'write' } };

/** Sends all that is to be written as one transaction, in the tick in which what is in force was looked at. */
export async function sendTransaction(
  bundle: BundleCall,
  planned: readonly PlannedEntry[],
  means: SendingMeans,
): Promise<SentTransaction> {
  const sent = inProcessingOrder(planned);
  if (sent.length === 0) return { each: await outcomesOf(bundle, planned, new Map(), means) };
  const ends: (() => void)[] = [];
  try {
    const said = await means.upstream.send(
      { method: 'POST', target: '', body: bodyOf(sent, means.outcomes) },
      bundle.by,
      () => {
        for (const _ of sent) ends.push(means.inFlight.begin(bundle.call.claims.applicationId));
      },
    );
    const outcome = outcomeOf(said.status);
    const isConditional = planned.some(({ write }) => write.ifMatch !== undefined);
    if (outcome !== 'changed') return failedAs(planned, toldOfWrite(said.status, isConditional), outcome);
    const each = transactionAnswer(said.resource, sent.length);
    // It says that it did something, and not what.
    if (!each) return failedAs(planned, notAll, 'unknown');
    const saidOf = new Map(sent.map((it, at): [PlannedEntry, UpstreamWritten | undefined] => [it, each[at]]));
    const done = await outcomesOf(bundle, planned, saidOf, means);
    return done.some(({ answer }) => isFhirError(answer)) ? { each: done, failure: notAll } : { each: done };
  } catch (error) {
    if (error instanceof WriteUnknown) return failedAs(planned, error.answer, 'unknown');
    return failedAs(planned, toldOfFailure(error), 'unchanged');
  } finally {
    for (const end of ends) end();
  }
}

/** R4, RESTful API, 3.1.0.11.2: deletions, creations, updates. Servers exist that keep to the order of the Bundle. */
function inProcessingOrder(planned: readonly PlannedEntry[]): readonly SentEntry[] {
  const isSent = (it: PlannedEntry): it is SentEntry => it.plan.kind === 'write';
  const verbs = ['delete', 'create', 'update'];
  return planned.filter(isSent).toSorted((a, b) => verbs.indexOf(a.plan.write.verb) - verbs.indexOf(b.plan.write.verb));
}

function bodyOf(sent: readonly SentEntry[], outcomes: WriteOutcomes): string {
  return transactionBody(
    sent.map(({ placeholder, plan }) => ({
      ...outcomes.asSent(plan.write),
      ...(placeholder === undefined ? {} : { fullUrl: placeholder }),
    })),
  );
}

async function outcomesOf(
  bundle: BundleCall,
  planned: readonly PlannedEntry[],
  said: ReadonlyMap<PlannedEntry, UpstreamWritten | undefined>,
  { upstream, outcomes, bases }: SendingMeans,
): Promise<readonly Done[]> {
  return await Promise.all(
    planned.map(async (each): Promise<Done> => {
      const { plan } = each;
      // What was looked at before the transaction counts no more.
      const entry = bundle.entries[each.index];
      const at = entry ? answeringOf(bundle, entry, upstream, bases.ours) : each.write.at;
      const write: WriteOf = { ...each.write, at };
      const { type } = write.interaction;
      const unchanged = { outcome: 'unchanged', resourceType: type } as const;
      switch (plan.kind) {
        case 'nothing':
          return { answer: { status: 204, type }, written: unchanged };
        case 'found': {
          const resource = await outcomes.shown(write, plan.id, undefined);
          return { answer: { status: 200, type, id: plan.id, ...(resource ? { resource } : {}) }, written: unchanged };
        }
        case 'write':
          return await outcomes.of(write, plan.write, said.get(each) ?? { status: 500 });
        default:
          return plan satisfies never;
      }
    }),
  );
}

/** All of a transaction came to the same. */
function failedAs(
  planned: readonly PlannedEntry[],
  answer: FhirError,
  outcome: 'changed' | 'unchanged' | 'unknown',
): SentTransaction {
  const each = planned.map(({ write, plan }): Done => {
    const { type } = write.interaction;
    const id = plan.kind === 'write' && plan.write.verb !== 'create' ? { resourceId: plan.write.id } : {};
    return { answer, written: { outcome: plan.kind === 'write' ? outcome : 'unchanged', resourceType: type, ...id } };
  });
  return { each, failure: answer };
}

const notAll = fhirError(502, 'transient', 'The FHIR server did not carry all of this transaction out.');
