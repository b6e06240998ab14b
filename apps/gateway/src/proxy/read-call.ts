import type { IncomingMessage } from 'node:http';
import type { EffectiveAccess } from '#access';
import { type FhirRequest, isExport, type Reaches, readRequest } from '#smart';
import type { AskedFor } from '../ask-upstream/asked-for.js';
import type { AccessTokenClaims } from '../believe-token/access-token-claims.js';
import { type ExportLinks, type ExportPlace, JOB_PARAMETER } from '../export/export-links.js';
import { PAGE_PARAMETER, type PageLinks, type PageOwner, type PagePlace } from '../page-links/page-links.js';
import type { RecordedCall } from './call-records.js';

/** A call with what it is judged and answered by. */
export interface JudgedCall extends RecordedCall {
  readonly reaches: Reaches;
  /** Where a page link leads to. */
  readonly from: PagePlace | undefined;
  /** Which export an address of ours leads to. */
  readonly export?: ExportPlace;
}

/** What a request asks for: by itself, or by the page link that it is. */
export function readCall(
  request: FhirRequest,
  claims: AccessTokenClaims,
  pages: PageLinks,
): Pick<JudgedCall, 'interaction' | 'from'> {
  const interaction = readRequest(request);
  const params = 'params' in interaction ? interaction.params : [];
  const sealed = params.find(({ name }) => name === PAGE_PARAMETER)?.value;
  if (sealed === undefined) return { interaction, from: undefined };
  const opened = params.length === 1 ? pages.open(sealed, ownerOf(claims)) : undefined;
  if (opened) return { interaction: opened.interaction, from: opened.place };
  return { interaction: { kind: 'unrecognised', reason: DEAD_PAGE_LINK }, from: undefined };
}

/**
 * The same, where it may be an address of an export as well.
 *
 * @param approvalVersion of the approval that is in force
 */
export function readCallOrExport(
  request: FhirRequest,
  claims: AccessTokenClaims,
  pages: PageLinks,
  exports: ExportLinks,
  approvalVersion: number | undefined,
): Pick<JudgedCall, 'interaction' | 'from' | 'export'> {
  const read = readCall(request, claims, pages);
  const { interaction } = read;
  if (interaction.kind !== 'operation' || !isExport(interaction) || interaction.name === 'export') return read;
  const { params, name, via } = interaction;
  const [job] = params;
  const owner = { endpoint: claims.endpoint, applicationId: claims.applicationId, approvalVersion };
  const opened =
    job?.name === JOB_PARAMETER && params.length === 1 ? exports.open(job.value, { name, via }, owner) : undefined;
  if (opened) return { interaction: opened.interaction, from: undefined, export: opened.place };
  return { interaction: { kind: 'unrecognised', reason: DEAD_EXPORT }, from: undefined };
}

const DEAD_EXPORT = 'the address of the export does not count here, or not any more';
const DEAD_PAGE_LINK = 'the page link does not count here, or not any more';

/** Whether a call is an address of ours that leads nowhere, or to an export of ours: no server could answer it. */
export function isOursAlone(call: Pick<JudgedCall, 'interaction' | 'export'>): boolean {
  const { interaction } = call;
  const isDead = interaction.kind === 'unrecognised' && [DEAD_PAGE_LINK, DEAD_EXPORT].includes(interaction.reason);
  return isDead || call.export !== undefined;
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
