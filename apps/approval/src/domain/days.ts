const DAY_MS = 86_400_000;

/** A time so many days of 24 hours later, RFC 3339. */
export function daysAfter(time: string, days: number): string {
  return new Date(Date.parse(time) + days * DAY_MS).toISOString();
}

/** Whether a time has come. Compared as instants: RFC 3339 text need not sort. */
export function hasCome(time: string, now: string): boolean {
  return Date.parse(time) <= Date.parse(now);
}
