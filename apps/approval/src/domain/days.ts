const DAY_MS = 86_400_000;

/** A time so many days of 24 hours later, RFC 3339. */
export function daysAfter(time: string, days: number): string {
  return new Date(Date.parse(time) + days * DAY_MS).toISOString();
}

/** Which days are business days: Monday to Friday but for holidays (dates), in a time zone (IANA; UTC where absent). */
export interface BusinessCalendar {
  readonly holidays?: readonly string[] | undefined;
  readonly timeZone?: string | undefined;
}

/** A time so many business days later, RFC 3339: at the same hour, the day it counts from not counted. */
export function businessDaysAfter(time: string, days: number, calendar: BusinessCalendar): string {
  const holidays = new Set(calendar.holidays);
  const first = Date.parse(dateOf(time, calendar.timeZone ?? 'UTC'));
  let day = 0;
  for (let left = days; left > 0;) {
    day++;
    const date = new Date(first + day * DAY_MS);
    if (date.getUTCDay() % 6 !== 0 && !holidays.has(date.toISOString().slice(0, 10))) left--;
  }
  return daysAfter(time, day);
}

/** The date of a time in a zone, as `2026-03-02`. */
function dateOf(time: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const parts = new Map(format.formatToParts(new Date(time)).map(({ type, value }) => [type, value]));
  return ['year', 'month', 'day'].map((type) => parts.get(type as Intl.DateTimeFormatPartTypes)).join('-');
}

/** Whether a time has come. Compared as instants: RFC 3339 text need not sort. */
export function hasCome(time: string, now: string): boolean {
  return Date.parse(time) <= Date.parse(now);
}
