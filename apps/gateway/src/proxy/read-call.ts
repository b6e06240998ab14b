import type { IncomingMessage } from 'node:http';
import type { EffectiveAccess } from '#access';
import { type FhirInteraction, type FhirRequest, type Reaches, readRequest } from '#smart';
import type { AskedFor } from '../ask-upstream/upstream.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { PAGE_PARAMETER, type PageLinks, type PageOwner, type PagePlace } from '../page-links/page-links.js';
import type { RecordedCall } from './call-records.js';

/** A call with what it is judged and answered by. */
export interface JudgedCall extends RecordedCall {
  readonly reaches: Reaches;
  /** Where a page link leads to. */
  readonly from: PagePlace | undefined;
}

/** What a request asks for: by itself, or by the page link that it is. */
export function readCall(
  request: FhirRequest,
  claims: AccessTokenClaims,
  pages: PageLinks,
): { readonly interaction: FhirInteraction; readonly from: PagePlace | undefined } {
  const interaction = readRequest(request);
  const params = 'params' in interaction ? interaction.params : [];
  const sealed = params.find(({ name }) => name === PAGE_PARAMETER)?.value;
  if (sealed === undefined) return { interaction, from: undefined };
  const opened = params.length === 1 ? pages.open(sealed, ownerOf(claims)) : undefined;
  if (opened) return { interaction: opened.interaction, from: opened.place };
  return { interaction: { kind: 'unrecognised', reason: DEAD_PAGE_LINK }, from: undefined };
}

const DEAD_PAGE_LINK = 'the page link does not count here, or not any more';

/** Whether a call is a page link of ours that leads nowhere: no server could answer it. */
export function isDeadPageLink({ interaction }: Pick<RecordedCall, 'interaction'>): boolean {
  return interaction.kind === 'unrecognised' && interaction.reason === DEAD_PAGE_LINK;
}

/** For whom the page links of a token count: a refreshed one may go on where an earlier one was. */
export function ownerOf({ endpoint, applicationId, grantId, subject, patient }: AccessTokenClaims): PageOwner {
  return { endpoint, applicationId, holder: grantId ?? subject, ...(patient === undefined ? {} : { patient }) };
}

/** Whom a request comes from. */
export function clientOf({ headers }: IncomingMessage, clientAddress?: string) {
  const userAgent = headers['user-agent'];
  return {
    ...(clientAddress === undefined ? {} : { clientAddress }),
    ...(userAgent === undefined ? {} : { userAgent }),
  };
}

/** For whom the FHIR server is asked in a call. */
export function forWhom(
  { claims, rights }: Pick<RecordedCall, 'claims' | 'rights'>,
  access: EffectiveAccess | undefined,
): Pick<AskedFor, 'applicationId' | 'purposesOfUse' | 'identity'> {
  return {
    applicationId: claims.applicationId,
    purposesOfUse: access?.purposesOfUse ?? [],
    identity: rights?.identity,
  };
}
