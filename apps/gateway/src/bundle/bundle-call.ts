import type { EffectiveAccess } from '#access';
import { type BundleEntry, isWrite, type WriteInteraction } from '#smart';
import { Answering } from '../answer/answering.js';
import { BundleLinks } from '../answer/paging.js';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { Upstream } from '../ask-upstream/upstream.js';
import type { CallDecision } from '../decide-call/decide-call.js';
import { withOwnResource } from '../decide-call/own-resource.js';
import { type PageLinks } from '../page-links/page-links.js';
import { CallRecords } from '../proxy/call-records.js';
import { type JudgedCall, ownerOf, readCall } from '../proxy/read-call.js';
import type { WriteOf } from '../write/write-outcomes.js';
import type { Preferred } from '../write/written-answer.js';
import type { BundleBounds } from './bundle-bounds.js';

export type Allowed = Extract<CallDecision, { readonly outcome: 'allow' }>;

/** An entry of a Bundle, and the call that it would be by itself. */
export interface EntryCall {
  readonly index: number;
  readonly entry: BundleEntry;
  readonly call: JudgedCall;
}

/** A Bundle that was let in: what it shows and changes is for its entries to be allowed. */
export interface BundleCall {
  readonly call: JudgedCall;
  readonly decided: Allowed;
  readonly access: EffectiveAccess | undefined;
  readonly entries: readonly EntryCall[];
  /** For whom the FHIR server is asked, by every entry. */
  readonly by: AskedFor;
  readonly preferred: Preferred;
  /** Of a batch: an update of what is not there creates it, where nothing of its type is hidden. */
  readonly updatesCreate: boolean;
  readonly bounds: BundleBounds;
}

/** An entry as the call that it would be by itself: with an id and a record of its own. */
export function entryCallOf(entry: BundleEntry, index: number, whole: JudgedCall, pages: PageLinks): EntryCall {
  const asked = entry.ok
    ? readCall(entry.request, whole.claims, pages)
    : { interaction: { kind: 'unrecognised', reason: entry.reason } as const, from: undefined };
  const { method } = entry.ok ? entry.request : entry;
  const own = { callId: CallRecords.newCallId(), partOf: whole.callId, method: method.slice(0, 16) };
  const { bundle: _, rights, ...rest } = whole;
  return { index, entry, call: { ...rest, ...(rights ? { rights: rights.anew() } : {}), ...own, ...asked } };
}

/** What an entry is answered with: by its own number of requests to the FHIR server, as a call by itself. */
export function answeringOf(
  { decided, by }: BundleCall,
  { call }: EntryCall,
  upstream: Pick<Upstream, 'ask' | 'base'>,
  ours: string,
) {
  const scopes = withOwnResource(decided.granted, call.interaction, call.reaches);
  const sight = { scopes, reaches: call.reaches, bases: [upstream.base, ours] };
  return new Answering(sight, upstream.base, async (target) => await upstream.ask(target, by), call.rights);
}

/** The links of what an entry is answered with. */
export function linksOf({ call }: BundleCall, ours: string, pages: PageLinks): BundleLinks {
  return new BundleLinks(ours, pages, ownerOf(call.claims));
}

/** An entry that writes, as what carries writes out takes it; undefined for one that does not. */
export function writeOf(one: EntryCall, decided: Allowed, bundle: BundleCall, at: Answering): WriteOf | undefined {
  const { entry, call } = one;
  const { interaction } = call;
  if (!entry.ok || !isWrite(interaction)) return undefined;
  const written: JudgedCall & { readonly interaction: WriteInteraction } = { ...call, interaction };
  const { access, preferred, by, updatesCreate } = bundle;
  const { body, ifMatch } = entry;
  return { call: written, decided, access, interaction, body, ifMatch, updatesCreate, preferred, at, by };
}
