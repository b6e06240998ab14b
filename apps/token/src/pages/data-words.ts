import { html, type Markup } from './markup.js';
import type { AllowedView } from './view-models.js';
import { wordFor, type DataWords, type Words } from './words/words.js';

/** A resource type in plain words; one that has none is called by its name. */
export function dataOf({ data, otherData }: Words, type: string): DataWords {
  return wordFor<DataWords>(data, type) ?? otherData(type);
}

/** Whether it is seen, changed, or both: told apart by word and by colour. */
export function tagOf({ consent }: Words, { reads, changes }: Omit<AllowedView, 'type'>): Markup {
  const label = changes ? (reads ? consent.readAndChangeTag : consent.changeTag) : consent.readTag;
  return html`<span class="tag${changes && ' alters'}">${label}</span>`;
}
