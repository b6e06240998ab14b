import type { StoredResource } from './hostile-search.js';

/** What the hostile server says of an export. */
export interface HostileExportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Exports that give everybody's data, whoever is asked for: every file holds other types too, `_type` is dropped, files
 * are told with counts, errors and what was deleted, and an export that was ended goes on.
 */
export class HostileExports {
  /** What a file says in the place of its lines. */
  file: string | undefined;
  /** Whether it ends a file; else it says no more when it has given all. */
  endsFiles = true;
  /** Where it says that an export, or its files, are. */
  elsewhere: { status?: string; file?: string } = {};
  /** Whether each export that is begun is one of its own; else they are one. */
  isEachItsOwn = false;
  /** Awaited when an export was asked for, before it is begun. */
  onBegin: () => Promise<void> = async () => undefined;
  /** Called when an export was ended. */
  onEnd: () => void = () => undefined;
  #begun = 0;
  readonly deleted: string[] = [];

  answer(
    method: string,
    segments: readonly string[],
    query: URLSearchParams,
    all: readonly StoredResource[],
    base: string,
  ): HostileExportAnswer | undefined {
    const last = segments.at(-1);
    if (last === '$export')
      return told(202, 'HAPI: begun for patient-02', {
        'content-location': this.elsewhere.status ?? `${base}/$export-poll-status?_jobId=${this.#job()}`,
      });
    if (last === '$export-poll-status') {
      if (method === 'DELETE') {
        this.deleted.push(query.get('_jobId') ?? '');
        this.onEnd();
      }
      return method === 'DELETE' ? told(202, 'ended') : this.#manifest(all, base);
    }
    if (last !== '$export-poll-file') return undefined;
    const half = Number(query.get('part'));
    // Half of everything, whichever type the file is of, and a blank line.
    const lines = all.filter((_it, index) => index % 2 === half).map((it) => `${JSON.stringify(it)}\r\n`);
    return {
      status: 200,
      headers: { 'content-type': 'application/fhir+ndjson', 'x-progress': 'patient-02' },
      body: this.file ?? `${lines.join('\n')}`,
    };
  }

  #job(): string {
    if (this.isEachItsOwn || this.#begun === 0) this.#begun++;
    return `job-${this.#begun}`;
  }

  #manifest(all: readonly StoredResource[], base: string): HostileExportAnswer {
    const types = [...new Set(all.map(({ resourceType }) => resourceType)), 'Spell'];
    const output = types.flatMap((type) =>
      [0, 1].map((part) => ({
        type,
        url: this.elsewhere.file ?? `${base}/$export-poll-file?_type=${type}&part=${part}`,
        count: all.length,
      })),
    );
    return told(200, {
      transactionTime: 'patient-02',
      request: `${base}/$export?patient=patient-02`,
      requiresAccessToken: false,
      output,
      deleted: [{ type: 'Bundle', url: `${base}/deleted/patient-02` }],
      error: [{ type: 'OperationOutcome', url: `${base}/error/patient-02` }],
      extension: { secret: 'patient-02' },
    });
  }
}

function told(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HostileExportAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
