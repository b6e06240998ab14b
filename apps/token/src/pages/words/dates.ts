import type { Language, Words } from './words.js';

const PRECISIONS = [{ year: 'numeric' }, { year: 'numeric', month: 'long' }, { dateStyle: 'long' }] as const;

/**
 * Days and times as people write them in a language, in UTC: the server knows no better zone, and a time says so. FHIR's
 * dates may be a year or a month alone, and stay so. What is no date is given as it is.
 */
export function datesIn(language: Language): Pick<Words, 'date' | 'time'> {
  const dates = PRECISIONS.map((precision) => new Intl.DateTimeFormat(language, { ...precision, timeZone: 'UTC' }));
  const times = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  return {
    date: (value) => {
      const instant = Date.parse(value);
      const precision = Math.min(value.split('-').length, PRECISIONS.length) - 1;
      return Number.isNaN(instant) ? value : (dates[precision]?.format(instant) ?? value);
    },
    time: (value) => {
      const instant = Date.parse(value);
      return Number.isNaN(instant) ? value : `${times.format(instant)} UTC`;
    },
  };
}
