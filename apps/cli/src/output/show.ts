import { fieldOf } from './field-of.js';
import { card, type Column, table } from './table.js';

/** Prints one resource: fields one a line, or JSON for a pipe. */
export function showOne(resource: unknown, { json }: { readonly json?: boolean | undefined }): void {
  console.log(json === true ? JSON.stringify(resource, undefined, 2) : card(resource));
}

/** Prints a page of a list: a table, or the answer as JSON. How to read on goes to standard error. */
export function showPage(
  page: unknown,
  columns: readonly Column[],
  { json }: { readonly json?: boolean | undefined },
): void {
  if (json === true) {
    console.log(JSON.stringify(page, undefined, 2));
    return;
  }
  const items = fieldOf(page, 'items');
  console.log(table(columns, Array.isArray(items) ? items : []));
  const next = fieldOf(page, 'next');
  if (typeof next === 'string') console.error(`There is more: add --cursor ${next}`);
}
