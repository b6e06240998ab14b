import type { IncomingHttpHeaders } from 'node:http';
import type { EffectiveAccess } from '#access';
import { isWrite } from '#smart';
import type { Answering } from '../answer/answering.js';
import { NotAnswered } from '../answer/not-answered.js';
import { ofNobody, type ToldOf } from '../answer/whom-it-tells-of.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import { NoLongerAllowed, UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { WriteUnknown } from '../ask-upstream/upstream-write.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import type { JudgedCall } from '../proxy/read-call.js';
import { notCarriedOut } from '../proxy/tell-refusal.js';
import { jsonOfWrite } from '../write/read-written-body.js';
import { whomItWrites } from '../write/write-outcomes.js';
import { planSupported } from '../write/writer.js';
import { type BundleJudging, judgeBundle, type JudgedBundle } from './judge-bundle.js';

/** What is decided of a call, when it was looked at as far as that takes. */
export interface Planned {
  readonly decided: CallDecision;
  /** Of a write: whom it is about, before and after. */
  readonly whom: ToldOf;
  /** Of a Bundle: its entries. */
  readonly bundle?: JudgedBundle;
}

/** An observed call, with what it came with. */
interface Observed {
  readonly call: JudgedCall;
  readonly by: AskedFor;
  readonly at: Answering;
  readonly access: EffectiveAccess | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * What would be decided of a call, of which nothing is sent: the decision of a write is known when the resource before and after was
 * looked at, that of a Bundle when its entries were.
 */
export async function planObserved(
  decision: CallDecision,
  { call, by, at, access, headers, body: bytes }: Observed,
  means: BundleJudging,
): Promise<Planned> {
  const { interaction } = call;
  const asDecided = { decided: decision, whom: ofNobody };
  try {
    if (interaction.kind === 'batch-or-transaction') {
      const bundle = await judgeBundle(jsonOfWrite(headers, 'create', bytes), call, decision, by, access, means);
      return { decided: bundle.decision, whom: ofNobody, bundle };
    }
    if (decision.outcome === 'deny' || !isWrite(interaction)) return asDecided;
    const body = jsonOfWrite(headers, interaction.kind, bytes);
    const { updatesCreate, writes } = means;
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
    const plan = await planSupported({ interaction, body, ifMatch, ifNoneMatch, updatesCreate }, at, writes);
    return plan.kind === 'write' ? { decided: decision, whom: await whomItWrites(plan.write, at) } : asDecided;
  } catch (error) {
    // Whether the server would have refused it is told by its answer.
    if (error instanceof UpstreamFailed || error instanceof WriteUnknown || error instanceof NoLongerAllowed)
      return asDecided;
    if (!(error instanceof NotAnswered)) throw error;
    return decision.outcome === 'deny' ? asDecided : { decided: notCarriedOut(error), whom: ofNobody };
  }
}
