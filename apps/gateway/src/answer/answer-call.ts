import type { FhirInteraction } from '#smart';
import type { PagePlace } from '../page-links/page-links.js';
import { answerOperation, type OperationMeans } from '../operation/answer-operation.js';
import { fhirError } from '../proxy/operation-outcome.js';
import { answerEverything } from './answer-everything.js';
import { answerHistory } from './answer-history.js';
import { answerRead } from './answer-read.js';
import { answerSearch } from './answer-search.js';
import type { Answering, CheckedAnswer } from './answering.js';
import { NotAnswered, wrongAnswer } from './not-answered.js';
import type { BundleLinks } from './paging.js';

/**
 * Answers an interaction that was allowed, from what the FHIR server gives and the token may see.
 *
 * @param from where a page link leads to; absent for the first page
 * @param operations absent in a Bundle, where no operation but `$everything` is called
 * @throws NotAnswered, UpstreamFailed
 */
export async function answerCall(
  interaction: FhirInteraction,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
  operations?: OperationMeans,
): Promise<CheckedAnswer> {
  return await at.underRights(interaction, async () => await answer(interaction, from, links, at, operations));
}

async function answer(
  interaction: FhirInteraction,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
  operations?: OperationMeans,
): Promise<CheckedAnswer> {
  switch (interaction.kind) {
    case 'read':
    case 'vread':
      return await answerRead(interaction, at);
    case 'search-type':
    case 'search-system':
      return await answerSearch(interaction, from, links, at);
    case 'history-type':
    case 'history-instance':
      return await answerHistory(interaction, from, links, at);
    case 'operation':
      if (interaction.level === 'instance' && interaction.name === 'everything')
        return await answerEverything(interaction, from, links, at);
      if (!operations) throw notInBundle;
      return await answerOperation(interaction, at, operations);
    default:
      throw wrongAnswer(`answers to ${interaction.kind} are not handed on`);
  }
}

const notInBundle = new NotAnswered(
  fhirError(403, 'not-supported', 'This operation is called by itself, and not in a Bundle.'),
  'an operation in a Bundle',
);
