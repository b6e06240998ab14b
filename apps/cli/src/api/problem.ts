import { fieldOf } from '../output/field-of.js';

/** A problem document (RFC 9457) in words: its title and detail, and each field that was refused on a line. */
export function describeProblem(status: number, body: unknown): string {
  const title = textOf(body, 'title') ?? `The answer was ${status}`;
  const detail = textOf(body, 'detail') ?? textOf(body, 'error_description') ?? textOf(body, 'error');
  const errors = fieldOf(body, 'errors');
  const fields = (Array.isArray(errors) ? errors : []).map(
    (error) => `\n  ${textOf(error, 'pointer') ?? '?'}: ${textOf(error, 'detail') ?? ''}`,
  );
  return `${title} (${status})${detail === undefined ? '' : `: ${detail}`}${fields.join('')}`;
}

function textOf(body: unknown, name: string): string | undefined {
  const value = fieldOf(body, name);
  return typeof value === 'string' ? value : undefined;
}
