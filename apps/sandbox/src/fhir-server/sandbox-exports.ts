import { randomUUID } from 'node:crypto';
import type { Resource } from '@medplum/fhirtypes';
import { isOfPatient, isResourceType } from '#smart';

/** What the sandbox answers of an export. */
export interface ExportAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or lines of it. */
  readonly body: string;
}

interface Job {
  readonly url: string;
  readonly startedAt: string;
  readonly byType: ReadonlyMap<string, readonly Resource[]>;
  /** It is told once that it is at work. */
  isTold: boolean;
}

const nothing: ExportAnswer = { status: 404, headers: {}, body: '' };

/** Exports as FHIR Bulk Data Access 2.0 has them: of the system, of all patients, of a group; in memory. */
export class SandboxExports {
  readonly #jobs = new Map<string, Job>();

  /** @param base URL of the server, without a slash at its end */
  constructor(private readonly base: string) {}

  /** Answers a request that is about an export; undefined for any other. */
  answer(method: string, target: string, all: () => readonly Resource[]): ExportAnswer | undefined {
    const { pathname: path, searchParams: query } = new URL(target, 'http://sandbox.invalid');
    const [, group] = /^\/Group\/([A-Za-z0-9\-.]{1,64})\/\$export$/.exec(path) ?? [];
    if (method === 'GET' && (path === '/$export' || path === '/Patient/$export' || group !== undefined))
      return this.#begin(target, path === '/Patient/$export', group, query, all());
    const job = this.#jobs.get(query.get('_jobId') ?? '');
    if (path === '/$export-poll-status') return job ? this.#status(method, query.get('_jobId') ?? '', job) : nothing;
    if (path === '/$export-poll-file') return job ? fileOf(job, query.get('_type') ?? '') : nothing;
    return undefined;
  }

  #begin(
    target: string,
    ofPatients: boolean,
    group: string | undefined,
    query: URLSearchParams,
    all: readonly Resource[],
  ): ExportAnswer {
    const types = query.get('_type')?.split(',');
    const since = query.get('_since');
    const of = patientsOf(group, all);
    const found = all.filter(
      (it) =>
        (types?.includes(it.resourceType) ?? true) &&
        (since === null || (it.meta?.lastUpdated ?? '') >= since) &&
        (!(ofPatients || group !== undefined) || of.some((patient) => isTheirs(it, patient, this.base))),
    );
    const id = randomUUID();
    const byType = Map.groupBy(found, ({ resourceType }): string => resourceType);
    this.#jobs.set(id, { url: this.base + target, startedAt: new Date().toISOString(), byType, isTold: false });
    return { status: 202, headers: { 'content-location': `${this.base}/$export-poll-status?_jobId=${id}` }, body: '' };
  }

  #status(method: string, id: string, job: Job): ExportAnswer {
    if (method === 'DELETE') {
      this.#jobs.delete(id);
      return { status: 202, headers: {}, body: '' };
    }
    if (!job.isTold) {
      job.isTold = true;
      return { status: 202, headers: { 'x-progress': '50%', 'retry-after': '1' }, body: '' };
    }
    const output = [...job.byType].map(([type, resources]) => ({
      type,
      url: `${this.base}/$export-poll-file?_jobId=${id}&_type=${type}`,
      count: resources.length,
    }));
    const manifest = { transactionTime: job.startedAt, request: job.url, requiresAccessToken: true, output, error: [] };
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(manifest) };
  }
}

function fileOf({ byType }: Job, type: string): ExportAnswer {
  const lines = (byType.get(type) ?? []).map((it) => `${JSON.stringify(it)}\n`);
  return { status: 200, headers: { 'content-type': 'application/fhir+ndjson' }, body: lines.join('') };
}

function patientsOf(group: string | undefined, all: readonly Resource[]): readonly string[] {
  if (group === undefined) return all.flatMap(({ resourceType, id }) => (resourceType === 'Patient' && id ? [id] : []));
  const members = all.flatMap((it) => (it.resourceType === 'Group' && it.id === group ? (it.member ?? []) : []));
  return members.flatMap(({ entity }) => entity.reference?.replace(/^Patient\//, '') ?? []);
}

function isTheirs(resource: Resource, patient: string, base: string): boolean {
  const { resourceType } = resource;
  return isResourceType(resourceType) && isOfPatient({ ...resource }, resourceType, patient, [base]);
}
