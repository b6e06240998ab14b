import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';
import type { Position } from '#contracts';
import { SnapshotUnusable } from './snapshot-seal.js';

/** A record that the snapshot holds, and where it stands: the last one of a partition. */
export interface Witness extends Position {
  /** The record's CloudEvents id. */
  readonly id: string;
}

/** What a snapshot says of itself. */
export interface SnapshotHead {
  /** Where reading goes on, partition by partition; topics without prefix. Everything before is in the snapshot. */
  readonly reached: readonly Position[];
  /** By these the snapshot is told from one of another log: of a log that was lost and begun anew, for instance. */
  readonly witnesses: readonly Witness[];
  /** Small things beside the items. */
  readonly facts: Readonly<Record<string, string>>;
}

const Offset = Type.String({ pattern: '^[0-9]{1,19}$' });
const Place = { topic: Type.String(), partition: Type.Integer(), offset: Offset };
const Head = Type.Object({
  reached: Type.Array(Type.Object(Place)),
  witnesses: Type.Array(Type.Object({ ...Place, id: Type.String() })),
  facts: Type.Record(Type.String(), Type.String()),
});
type Head = Static<typeof Head>;
const validator = Compile(Head);

export function writeHead({ reached, witnesses, facts }: SnapshotHead): string {
  const plain = <P extends Position>(position: P) => ({ ...position, offset: String(position.offset) });
  return JSON.stringify({ reached: reached.map(plain), witnesses: witnesses.map(plain), facts } satisfies Head);
}

/** @throws SnapshotUnusable */
export function readHead(text: string): SnapshotHead {
  const head: unknown = JSON.parse(text);
  if (!validator.Check(head)) throw new SnapshotUnusable('its head has another form');
  const place = <P extends { readonly offset: string }>(position: P) => ({
    ...position,
    offset: BigInt(position.offset),
  });
  return { ...head, reached: head.reached.map(place), witnesses: head.witnesses.map(place) };
}
