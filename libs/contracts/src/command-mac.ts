import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Outcome, Refusal } from './outcome.js';

/** A key of the MAC of commands: 32 random bytes under a name. */
export interface CommandKey {
  readonly id: string;
  readonly key: Buffer;
}

const MAC = /,"mac":"([\w-]{1,32})\.([\w-]{43})"\}$/;
/** Enough of a record's end to hold the longest MAC. */
const LONGEST_MAC = 96;

/**
 * The MAC of commands (docs/adr/0031): HMAC-SHA-256 (RFC 2104) over the record's own bytes up to the MAC, which stands last.
 * Whatever the record says is covered, and nothing has to be written in a canonical form to check it.
 */
export class CommandKeys {
  /** Prepared once: handing the bytes over each time costs four times the processor time. */
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #first: { readonly id: string; readonly key: KeyObject };

  /** @param keys the first makes MACs, all of them count: keys overlap while one replaces the other */
  constructor(keys: readonly [CommandKey, ...CommandKey[]]) {
    this.#keys = new Map(keys.map(({ id, key }) => [id, createSecretKey(key)]));
    this.#first = { id: keys[0].id, key: createSecretKey(keys[0].key) };
  }

  /** @param record an encoded command, a JSON object */
  seal(record: string): string {
    const { id, key } = this.#first;
    const covered = record.slice(0, -1);
    return `${covered},"mac":"${id}.${createHmac('sha256', key).update(covered).digest('base64url')}"}`;
  }

  /** Undefined for a record with a MAC by one of these keys; else what is wrong with it. */
  faultOf(record: Buffer): string | undefined {
    const found = MAC.exec(record.toString('latin1', Math.max(0, record.length - LONGEST_MAC)));
    if (found === null) return 'it has no MAC';
    const [text, id = '', mac = ''] = found;
    const key = this.#keys.get(id);
    if (key === undefined) return 'its MAC names no key that counts here';
    const covered = record.subarray(0, record.length - text.length);
    const expected = createHmac('sha256', key).update(covered).digest();
    return timingSafeEqual(expected, Buffer.from(mac, 'base64url')) ? undefined : 'its MAC does not fit what it says';
  }
}

const UNAUTHENTIC = 'unauthentic-command';

/** Why a writer decides nothing on a command that nobody who may has sent. */
export function unauthentic(reason: string): Refusal {
  return {
    status: 403,
    type: UNAUTHENTIC,
    title: 'The command is not authentic',
    detail: `It was not sent by an instance that authenticated its actor: ${reason}.`,
  };
}

/**
 * Whether an outcome refuses a command as not authentic. It answers that one record and says nothing of the command whose id
 * the record claims: that one may be decided yet.
 */
export function refusesAsUnauthentic({ refusal }: Pick<Outcome, 'refusal'>): boolean {
  return refusal?.type === UNAUTHENTIC;
}
