import { ApiPropertyOptional } from '../docs/described.js';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { malformed } from '../problem/problem-exception.js';

/** The query of a list; a route's own filters extend it. */
export class PageQuery {
  @ApiPropertyOptional({
    type: 'integer',
    minimum: 1,
    maximum: 200,
    default: 50,
    description: 'At most so many items.',
  })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(200)
  limit: number = 50;

  @ApiPropertyOptional({ type: 'string', maxLength: 1024, description: 'The `next` of the page before.' })
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  cursor?: string;
}

/** One page of a list; `next` is absent on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

/** An opaque cursor for the place after an item: whatever the query orders by. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a cursor of ours names; `shape` gives the type of each part. Throws a 400 problem.
 *
 * @example
 * const [dueAt, id] = query.cursor === undefined ? [] : decodeCursor(query.cursor, ['string', 'string']);
 */
export function decodeCursor(cursor: string, shape: readonly ('string' | 'number')[]): readonly (string | number)[] {
  const place = parse(cursor);
  const fits = place.length === shape.length && place.every((part, index) => typeof part === shape[index]);
  if (!fits) throw badCursor();
  return place.filter((part): part is string | number => typeof part === 'string' || typeof part === 'number');
}

function parse(cursor: string): readonly unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(place)) return place;
  } catch (error) {
    throw badCursor(error);
  }
  throw badCursor();
}

function badCursor(cause?: unknown) {
  const problem = malformed('The cursor is not one of this list.', [
    { pointer: '/cursor', detail: 'must be the `next` of a page of this list' },
  ]);
  problem.cause = cause;
  return problem;
}

/**
 * The page of rows that were read with `limit + 1`, so that one more tells whether there is a next page.
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  item: (row: Row) => Item,
  place: (row: Row) => readonly (string | number)[],
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(item),
    ...(rows.length > limit && last !== undefined ? { next: encodeCursor(place(last)) } : {}),
  };
}
