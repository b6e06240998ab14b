import type { CampaignItem } from '#contracts';

const MOST_ITEMS = 200;
/** Characters of JSON; with room for the envelope and for characters of several bytes within a record of 1 MiB. */
const MOST_CHARACTERS = 300_000;

/** Items in portions that each fit a record of the log. */
export function portionsOf(items: readonly CampaignItem[]): readonly (readonly CampaignItem[])[] {
  const portions: CampaignItem[][] = [];
  let room = 0;
  for (const item of items) {
    const length = JSON.stringify(item).length;
    const last = portions.at(-1);
    if (last === undefined || last.length >= MOST_ITEMS || length > room) {
      portions.push([item]);
      room = MOST_CHARACTERS - length;
    } else {
      last.push(item);
      room -= length;
    }
  }
  return portions;
}
