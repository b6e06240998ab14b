import type { FhirInteraction } from '#smart';
import type { PagePlace } from '../page-links/page-links.js';
import { answerEverything } from './answer-everything.js';
import { answerHistory } from './answer-history.js';
import { answerRead } from './answer-read.js';
import { answerSearch } from './answer-search.js';
import { type Answering, type CheckedAnswer, wrongAnswer } from './answering.js';
import type { BundleLinks } from './paging.js';

/**
 * Answers an interaction that was allowed, from what the FHIR server gives and the token may see.
 *
 * @param from where a page link leads to; absent for the first page
 * @throws NotAnswered, UpstreamFailed
 */
export async function answerCall(
  interaction: FhirInteraction,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
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
      // No other is let through.
      if (interaction.level !== 'instance' || interaction.name !== 'everything')
        throw wrongAnswer(`answers to $${interaction.name} are not handed on`);
      return await answerEverything(interaction, from, links, at);
    default:
      throw wrongAnswer(`answers to ${interaction.kind} are not handed on`);
  }
}
