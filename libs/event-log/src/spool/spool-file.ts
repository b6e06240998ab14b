import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { types } from 'node:util';
import { crc32c } from '../kafka/crc32c.js';

/** A record on its way to a partition, as it will stand there. */
export interface SpoolEntry {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
}

/** The spool has no room, or cannot be written to: what it was to keep is not kept. */
export class NotSpooled extends Error {
  override readonly name = 'NotSpooled';
  readonly code = 'not-spooled';
}

/** What stands in the folder is not what was written there, or is another process's. */
export class SpoolUnusable extends Error {
  override readonly name = 'SpoolUnusable';
  readonly code = 'spool-unusable';
}

interface Waiting {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const FILE = 'activity.spool';
const LOCK = 'activity.lock';

/**
 * Records on the disk until they are in the log: one line each, a checksum before it, synchronised before `write`
 * resolves. For its owner alone (mode 0600). What comes together is synchronised together.
 */
export class SpoolFile {
  readonly #waiting: Waiting[] = [];
  #size: number;
  #promised: number;
  #closed = false;
  #working: Promise<void> | undefined;

  private constructor(
    private readonly file: FileHandle,
    private readonly lock: string,
    private readonly maxBytes: number,
    size: number,
  ) {
    this.#size = this.#promised = size;
  }

  /**
   * Opens the spool in a folder, with what a process before left there.
   *
   * @throws SpoolUnusable
   */
  static async open(
    folder: string,
    maxBytes: number,
  ): Promise<{ readonly spool: SpoolFile; readonly left: readonly SpoolEntry[] }> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await takeLock(path.join(folder, LOCK));
    const name = path.join(folder, FILE);
    const file = await open(name, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      await file.chmod(0o600);
      const { entries, size } = readEntries(await readFile(name));
      // What was being written when the process ended was promised to nobody.
      await file.truncate(size);
      await file.datasync();
      return { spool: new SpoolFile(file, lock, maxBytes, size), left: entries };
    } catch (error) {
      await file.close();
      await rm(lock, { force: true });
      throw error;
    }
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Resolves when the entries are on the disk.
   *
   * @throws NotSpooled
   */
  async write(entries: readonly SpoolEntry[]): Promise<void> {
    const bytes = Buffer.concat(entries.map(lineOf));
    if (this.#promised + bytes.length > this.maxBytes)
      throw new NotSpooled(`the spool is full (${this.maxBytes} bytes)`);
    this.#promised += bytes.length;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#work();
    });
  }

  /** Forgets all entries, if nobody needs them when it is their turn. */
  async clear(isUnneeded: () => boolean): Promise<void> {
    await this.#working;
    // What stays on the disk is appended again by the next process, as the repeat that it is.
    if (this.#closed || this.#working || this.#waiting.length > 0 || this.#size === 0 || !isUnneeded()) return;
    const working = (async () => {
      await this.file.truncate(0);
      await this.file.datasync();
      this.#promised -= this.#size;
      this.#size = 0;
    })();
    this.#working = working.finally(() => {
      this.#working = undefined;
      this.#work();
    });
    await working;
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#working) await this.#working;
    await this.file.close();
    await rm(this.lock, { force: true });
  }

  #work(): void {
    if (this.#waiting.length === 0) return;
    this.#working ??= this.#writeAll().finally(() => {
      this.#working = undefined;
      this.#work();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const together = this.#waiting.splice(0);
      const bytes = Buffer.concat(together.map((it) => it.bytes));
      try {
        await writeWhole(this.file, bytes, this.#size);
        await this.file.datasync();
        this.#size += bytes.length;
        together.forEach(({ resolve }) => resolve());
      } catch (cause) {
        this.#promised -= bytes.length;
        together.forEach(({ reject }) => reject(new NotSpooled('the spool cannot be written to', { cause })));
      }
    }
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

function lineOf({ partition, key, value }: SpoolEntry): Buffer {
  const text = Buffer.from(JSON.stringify([partition, key, value]));
  return Buffer.concat([Buffer.from(`${sumOf(text)} `), text, Buffer.from('\n')]);
}

function sumOf(text: Buffer): string {
  return (crc32c(text) >>> 0).toString(16).padStart(8, '0');
}

/** The entries up to the first line that is not whole; what comes after it was torn while it was written. */
function readEntries(bytes: Buffer): { readonly entries: readonly SpoolEntry[]; readonly size: number } {
  const entries: SpoolEntry[] = [];
  let size = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, end + 1)) {
    const entry = entryIn(bytes.subarray(size, end));
    if (!entry) {
      // A line that counts behind one that does not: not torn, but changed.
      if (linesIn(bytes.subarray(end + 1)).some((line) => entryIn(line)))
        throw new SpoolUnusable(`${FILE} is damaged at byte ${size}: its records cannot be told to be all there`);
      break;
    }
    entries.push(entry);
    size = end + 1;
  }
  return { entries, size };
}

function* eachLine(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0, end = bytes.indexOf(10); end >= 0; at = end + 1, end = bytes.indexOf(10, at))
    yield bytes.subarray(at, end);
}

function linesIn(bytes: Buffer): readonly Buffer[] {
  return [...eachLine(bytes)];
}

function entryIn(line: Buffer): SpoolEntry | undefined {
  const text = line.subarray(9);
  if (line.length < 10 || line.toString('latin1', 0, 9) !== `${sumOf(text)} `) return undefined;
  const [partition, key, value] = JSON.parse(text.toString('utf8')) as [number, string, string];
  return { partition, key, value };
}

/** A folder has one process at a time. What a process that is gone left counts no more. */
async function takeLock(file: string): Promise<string> {
  const own = `${hostname()} ${process.pid}`;
  for (;;) {
    try {
      await writeFile(file, own, { flag: 'wx', mode: 0o600 });
      return file;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const held = await readFile(file, 'utf8').catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      return '';
    });
    const [host, pid] = held.split(' ');
    if (host === hostname() && Number(pid) !== process.pid && isAlive(Number(pid)))
      throw new SpoolUnusable(`the folder of ${file} is that of process ${pid}: each instance needs its own`);
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): unknown {
  return types.isNativeError(error) && 'code' in error ? error.code : undefined;
}
