import { parseExactly } from '#smart';
import type { HostileAnswer, HostileRequest, StoredResource } from '#testing';
import { SandboxFhirServer } from '../../apps/sandbox/src/fhir-server/sandbox-fhir-server.js';
import { askedOf, sentTo, type UpstreamPort } from './answers-in-process.js';
import { type ExportPort, exportsOf } from './exports-in-process.js';
import { HostileUpstream } from './gateway-in-process.js';
import type { ModelResource } from './model.js';

type MaybeLater<T> = T | Promise<T>;

/** A FHIR server in the same process, as tests look at it past the gateway. */
export interface ServerInProcess {
  handle(request: HostileRequest): MaybeLater<HostileAnswer>;
  /** All that there is now, each with its version. */
  holds(): MaybeLater<readonly StoredResource[]>;
}

/** One that is filled anew for each case. */
export interface UpstreamInProcess extends UpstreamPort, ExportPort {
  holds(resources: readonly ModelResource[]): MaybeLater<ServerInProcess>;
  /** It keeps numbers as JavaScript has them, and not with their digits. */
  readonly losesDigits?: true;
}

/** The sandbox in the same process: it answers searches as R4 says. */
class SandboxUpstream implements UpstreamInProcess {
  readonly losesDigits = true;
  readonly base = 'http://sandbox.internal/fhir';
  #server: SandboxFhirServer | undefined;

  constructor(
    /** What it knows how to search. */
    private readonly types: readonly string[],
  ) {}

  async holds(resources: readonly ModelResource[]): Promise<ServerInProcess> {
    // As it stands in JSON; always of one time, so that two fillings differ in nothing else.
    const meta = { lastUpdated: '2026-01-15T09:00:00.000Z' };
    const stored = JSON.parse(JSON.stringify(resources.map((it) => ({ ...it, meta })))) as Parameters<
      typeof SandboxFhirServer.start
    >[1];
    const server = (this.#server = await SandboxFhirServer.start(this.base, stored, this.types));
    const handle = async (request: HostileRequest) => await answered(server, request);
    return {
      handle,
      holds: async () => {
        const found = await Promise.all(
          this.types.map(async (type) => await handle({ method: 'GET', target: `/${type}?_count=1000` })),
        );
        return found.flatMap(({ body }) =>
          ((parseExactly(body) as { entry?: { resource: StoredResource }[] }).entry ?? []).map((it) => it.resource),
        );
      },
    };
  }

  readonly #exports = exportsOf(async (request) => await this.#handle(request));
  readonly job = this.#exports.job;
  readonly file = this.#exports.file;

  readonly send = sentTo(async (request) => await this.#handle(request));
  readonly ask = askedOf(async (request) => await this.#handle(request));

  pass: UpstreamPort['pass'] = async () => Promise.reject(new Error('nothing is passed here'));

  async #handle(request: HostileRequest): Promise<HostileAnswer> {
    if (!this.#server) throw new Error('the sandbox holds nothing yet');
    return await answered(this.#server, request);
  }
}

async function answered(
  server: SandboxFhirServer,
  { method, target, headers = {}, body = '' }: HostileRequest,
): Promise<HostileAnswer> {
  const given = Object.entries(headers).filter((it): it is [string, string] => typeof it[1] === 'string');
  const answer = await server.handle({ method, target, headers: Object.fromEntries(given), body });
  return { status: answer.status, headers: answer.headers, body: answer.body.toString('utf8') };
}

/** As JSON, without what a server gives anew each time to what is written: its id, and when it was. */
export function masked(answer: unknown): string {
  return JSON.stringify(answer)
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'new')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT/g, 'now');
}

/** The servers in the same process that every property is tried before, and how much more one case costs there. */
export const serversInProcess = (types: readonly string[]): readonly [string, UpstreamInProcess, number][] => [
  ['a hostile server', new HostileUpstream(), 1],
  ['the sandbox', new SandboxUpstream(types), 5],
];
