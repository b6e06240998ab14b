import { isObject } from '#smart';

/** A FHIR Period in milliseconds since 1970, both ends within. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Reads a FHIR Period; undefined where there is one that cannot be read. An end that is a year, a month or a day is meant
 * whole (R4, Period).
 */
export function spanOf(period: unknown): Span | undefined {
  if (period === undefined) return { fromMs: -Infinity, toMs: Infinity };
  if (!isObject(period)) return undefined;
  const { start, end } = period;
  const fromMs = start === undefined ? -Infinity : startOf(start);
  const toMs = end === undefined ? Infinity : endOf(end);
  return Number.isNaN(fromMs) || Number.isNaN(toMs) ? undefined : { fromMs, toMs };
}

export function isWithin({ fromMs, toMs }: Span, atMs: number): boolean {
  return fromMs <= atMs && atMs <= toMs;
}

function startOf(at: unknown): number {
  return typeof at === 'string' ? Date.parse(at) : Number.NaN;
}

function endOf(at: unknown): number {
  if (typeof at !== 'string') return Number.NaN;
  const [year = Number.NaN, month, day] = at.split('-').map(Number);
  if (!/^\d{4}(-\d\d){0,2}$/.test(at)) return Date.parse(at);
  if (day !== undefined) return Date.UTC(year, (month ?? 1) - 1, day + 1) - 1;
  return Date.UTC(year + (month === undefined ? 1 : 0), month ?? 0) - 1;
}
