import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Failure } from '../failure.js';
import { fieldOf } from '../output/field-of.js';

/** A sign-in that is kept: whom to ask for the next token, and the token of now. */
export interface KeptLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly accessToken: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly refreshToken?: string;
}

/** Where sign-ins are kept: readable by this user alone. */
export function loginsFile(): string {
  const config = process.env['XDG_CONFIG_HOME'] ?? path.join(homedir(), '.config');
  return path.join(config, 'gatehouse', 'logins.json');
}

/** The sign-in at a Gatehouse; nothing where there is none. */
export async function readLogin(url: string): Promise<KeptLogin | undefined> {
  const { [url]: login } = await readLogins();
  const text = (name: string) => {
    const value = fieldOf(login, name);
    return typeof value === 'string' ? value : undefined;
  };
  const [issuer, clientId, accessToken, refreshToken] = ['issuer', 'clientId', 'accessToken', 'refreshToken'].map(text);
  const expiresAt = fieldOf(login, 'expiresAt');
  if (issuer === undefined || clientId === undefined || accessToken === undefined || typeof expiresAt !== 'number')
    return undefined;
  return { issuer, clientId, accessToken, expiresAt, ...(refreshToken === undefined ? {} : { refreshToken }) };
}

/** Keeps a sign-in in the place of an earlier one, or forgets it; whole or not at all. */
export async function keepLogin(url: string, login: KeptLogin | undefined): Promise<void> {
  const file = loginsFile();
  const { [url]: _earlier, ...others } = await readLogins();
  const written = `${file}.${process.pid}`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const logins = login === undefined ? others : { ...others, [url]: login };
  await writeFile(written, `${JSON.stringify(logins, undefined, 2)}\n`, { mode: 0o600 });
  await rename(written, file);
}

async function readLogins(): Promise<Readonly<Record<string, unknown>>> {
  const file = loginsFile();
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    throw new Failure(`${file} is not what \`login\` keeps: remove it, and sign in again.`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    if (error instanceof Failure) throw error;
    throw new Failure(`${file} cannot be read: remove it, and sign in again.`, { cause: error });
  }
}
