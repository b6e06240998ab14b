import { fieldOf } from './field-of.js';

/** A heading and the dotted path of the field that stands below it. */
export type Column = readonly [heading: string, path: string];

/** Rows below headings, each column as wide as its longest cell, for a person at a terminal. */
export function table(columns: readonly Column[], rows: readonly unknown[]): string {
  const lines = [columns.map(([heading]) => heading), ...rows.map((row) => columns.map(([, path]) => cell(row, path)))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The fields of one resource, one a line. */
export function card(value: unknown): string {
  if (typeof value !== 'object' || value === null) return plain(value);
  const names = Object.keys(value);
  const width = Math.max(0, ...names.map((name) => name.length));
  return names.map((name) => `${name.padEnd(width)}  ${cell(value, name)}`).join('\n');
}

function cell(row: unknown, path: string): string {
  const value = fieldOf(row, path);
  if (value === undefined || value === null) return '-';
  if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.map(plain).join(' ') || '-';
  return plain(value);
}

/** Control characters of stored text must not steer the terminal. */
function plain(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // eslint-disable-next-line no-control-regex -- control characters are what is removed here
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
