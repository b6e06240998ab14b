import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { decrypt, encrypt, VaultCorrupt, type WrappingKeys } from '#vault';
import { Failed } from './told.js';

const MAGIC = 'gatehouse-vault-backup 1\n';
/** A piece is gathered up to here, packed and sealed as one; no piece of a file may claim to be much larger. */
const PIECE_CHARACTERS = 1_048_576;
const MOST_BYTES = 64 * PIECE_CHARACTERS;
const HEADER_MOST_BYTES = 65_536;

/** What a backup says of itself before it is opened; it is sealed with the rest. */
export interface BackupHeader {
  /** RFC 3339. */
  readonly createdAt: string;
  /** The id of the wrapping key that opens it. */
  readonly wrappedBy: string;
  /** The file's own key, wrapped, base64url. */
  readonly wrappedKey: string;
}

/**
 * Writes a backup: a line that names its form, a line of JSON, and pieces, each its length in four bytes and then AES-256-GCM
 * over gzip over JSON lines, under a key of the file's own. Each piece is bound to the header, to its number, and to
 * whether it is the last, so that a file that was cut, mixed or changed opens nowhere. It appears under its name when it is
 * whole, for its owner alone to read.
 *
 * @throws Failed when there is a file of that name
 */
export async function writeBackup(
  path: string,
  keys: WrappingKeys,
  lines: AsyncIterable<string>,
  now = new Date(),
): Promise<BackupHeader> {
  if (await isThere(path)) throw new Failed(`${path} is there already: name another file.`);
  const key = randomBytes(32);
  const { by, bytes } = await keys.wrap(key, contextOfFile);
  const header = { createdAt: now.toISOString(), wrappedBy: by, wrappedKey: bytes.toString('base64url') };
  const written = `${path}.partial`;
  const file = await open(written, 'w', 0o600).catch((error: unknown) => {
    throw new Failed(`${path} cannot be written: ${error instanceof Error ? error.message : ''}`, { cause: error });
  });
  try {
    const text = `${JSON.stringify(header)}\n`;
    await file.write(MAGIC + text);
    const seal = new PieceSeal(key, text);
    let gathered = '';
    for await (const line of lines) {
      gathered += `${line}\n`;
      if (gathered.length >= PIECE_CHARACTERS) {
        await writePiece(file, seal.seal(gathered, false));
        gathered = '';
      }
    }
    await writePiece(file, seal.seal(gathered, true));
    await file.sync();
    await file.close();
    await rename(written, path);
    return header;
  } catch (error) {
    await file.close();
    await rm(written, { force: true });
    throw error;
  }
}

/**
 * Gives the lines of a backup.
 *
 * @throws Failed where it is no backup, or was cut or changed; VaultCorrupt where no configured key wrapped its key
 */
export async function* readBackup(path: string, keys: WrappingKeys): AsyncGenerator<string> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new Failed(`${path} cannot be read: ${error instanceof Error ? error.message : ''}`, { cause: error });
  });
  try {
    const reader = new Reader(file, path);
    if ((await reader.upTo(MAGIC.length)).toString() !== MAGIC) throw new Failed(`${path} is no backup of a vault.`);
    const text = await reader.line();
    const { wrappedBy: by, wrappedKey } = headerFrom(text, path);
    const key = await keys.unwrap({ by, bytes: Buffer.from(wrappedKey, 'base64url') }, contextOfFile);
    const seal = new PieceSeal(key, text);
    for (let last = false; !last;) {
      const length = (await reader.exactly(4)).readUInt32BE();
      if (length === 0 || length > MOST_BYTES) throw damaged(path);
      const opened = seal.open(await reader.exactly(length));
      if (opened === undefined) throw damaged(path);
      last = opened.last;
      yield* opened.text.split('\n').filter((line) => line !== '');
    }
    if (!(await reader.isAtEnd())) throw damaged(path);
  } finally {
    await file.close();
  }
}

const contextOfFile = 'backup';

/** Seals the pieces of one file in their order. */
class PieceSeal {
  private number = 0;
  private readonly file: string;

  constructor(
    private readonly key: Buffer,
    header: string,
  ) {
    this.file = createHash('sha256').update(header).digest('hex');
  }

  seal(text: string, last: boolean): Buffer {
    return encrypt(this.key, gzipSync(text), this.context(this.number++, last));
  }

  /** The piece, if it is the next one of this file. */
  open(sealed: Buffer): { readonly text: string; readonly last: boolean } | undefined {
    const number = this.number++;
    for (const last of [false, true]) {
      const packed = opened(() => decrypt(this.key, sealed, this.context(number, last)));
      if (packed !== undefined) return { text: gunzipSync(packed, { maxOutputLength: MOST_BYTES }).toString(), last };
    }
    return undefined;
  }

  private context(number: number, last: boolean): string {
    return `backup:${this.file}:${String(number)}:${last ? 'last' : 'more'}`;
  }
}

/** Only `VaultCorrupt` can come of it: the key, the context or the bytes are others. */
function opened(attempt: () => Buffer): Buffer | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof VaultCorrupt) return undefined;
    throw error;
  }
}

class Reader {
  private position = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  /** So many bytes, or those that are left. */
  async upTo(length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await this.file.read(buffer, 0, length, this.position);
    this.position += bytesRead;
    return buffer.subarray(0, bytesRead);
  }

  async exactly(length: number): Promise<Buffer> {
    const bytes = await this.upTo(length);
    if (bytes.length < length) throw damaged(this.path);
    return bytes;
  }

  /** Up to the end of the line, that included. */
  async line(): Promise<string> {
    const { position } = this;
    const bytes = await this.upTo(HEADER_MOST_BYTES);
    const end = bytes.indexOf('\n');
    if (end < 0) throw damaged(this.path);
    this.position = position + end + 1;
    return bytes.subarray(0, end + 1).toString();
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.upTo(1)).length === 0;
  }
}

function headerFrom(text: string, path: string): BackupHeader {
  try {
    const value: unknown = JSON.parse(text);
    const field = (name: string): unknown =>
      typeof value === 'object' && value !== null ? Reflect.get(value, name) : 0;
    const [createdAt, wrappedBy, wrappedKey] = ['createdAt', 'wrappedBy', 'wrappedKey'].map(field);
    if (typeof createdAt === 'string' && typeof wrappedBy === 'string' && typeof wrappedKey === 'string')
      return { createdAt, wrappedBy, wrappedKey };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged(path);
}

function damaged(path: string): Failed {
  return new Failed(`${path} was cut or changed: nothing of it is used.`);
}

async function writePiece(file: FileHandle, piece: Buffer): Promise<void> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(piece.length);
  await file.write(Buffer.concat([length, piece]));
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
