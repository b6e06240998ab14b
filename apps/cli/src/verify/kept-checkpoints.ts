import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Failure } from '../failure.js';
import { fieldOf } from '../output/field-of.js';

/** What is kept from one verification to the next: whom to believe, and how far each partition had come. */
export interface Kept {
  /** The log's public key, pinned when it was first seen. */
  readonly publicKey: string;
  /** The last checkpoint that held, by its origin. */
  readonly notes: Readonly<Record<string, string>>;
}

/** Where checkpoints of a Gatehouse are kept, where nothing else is said. */
export function defaultKeptFile(url: string): string {
  const state = process.env['XDG_STATE_HOME'] ?? path.join(homedir(), '.local', 'state');
  return path.join(state, 'gatehouse', `audit-${createHash('sha256').update(url).digest('hex').slice(0, 12)}.json`);
}

/** What was kept; nothing at the first time. Throws a `Failure` where the file cannot be understood. */
export async function readKept(file: string): Promise<Kept | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Failure(`${file} cannot be read: ${String(error)}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    const publicKey = fieldOf(value, 'publicKey');
    const notes = fieldOf(value, 'notes');
    if (typeof publicKey === 'string' && typeof notes === 'object' && notes !== null) {
      const entries = Object.entries(notes).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      return { publicKey, notes: Object.fromEntries(entries) };
    }
  } catch (error) {
    throw new Failure(`${file} is not what \`audit verify\` keeps: it is no JSON.`, { cause: error });
  }
  throw new Failure(`${file} is not what \`audit verify\` keeps.`);
}

/** Keeps it, whole or not at all. */
export async function writeKept(file: string, kept: Kept): Promise<void> {
  const written = `${file}.${process.pid}`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(written, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 });
  await rename(written, file);
}
