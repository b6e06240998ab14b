import { decodeCursor, malformed } from '#host';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** The time and id after which the page of a list by time begins. Throws a 400 problem. */
export function placeIn(cursor: string): readonly (string | number)[] {
  const place = decodeCursor(cursor, ['string', 'string']);
  const [time, id] = place.map(String);
  if (time === undefined || !TIME.test(time) || Number.isNaN(Date.parse(time)) || id?.includes('\0') === true) {
    throw malformed('The cursor is not one of this list.', [
      { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
    ]);
  }
  return place;
}
