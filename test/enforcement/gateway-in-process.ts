import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { EffectiveAccess } from '#access';
import type { ActivityRecord, CallLimits } from '#contracts';
import type { ObserveRule } from '#fhir-endpoints';
import { type AllowedOperation, parseScopes, type WithholdingRule } from '#smart';
import { HostileFhirServer, openAccess } from '#testing';
import { Admissions } from '../../apps/gateway/src/admit-patients/admissions.js';
import { Origins } from '../../apps/gateway/src/allow-origins/origins.js';
import type { AccessTokenClaims } from '../../apps/gateway/src/believe-token/access-token-claims.js';
import { Observing } from '../../apps/gateway/src/observe/observing.js';
import { ExportLinks } from '../../apps/gateway/src/export/export-links.js';
import { ExportsAtWork } from '../../apps/gateway/src/export/exports-at-work.js';
import { PageLinks } from '../../apps/gateway/src/page-links/page-links.js';
import { CallRecords } from '../../apps/gateway/src/proxy/call-records.js';
import { FhirCalls } from '../../apps/gateway/src/proxy/fhir-calls.js';
import { OpenCalls } from '../../apps/gateway/src/proxy/open-calls.js';
import { BodyMemory } from '../../apps/gateway/src/ask-upstream/body-memory.js';
import { CallLimiter } from '../../apps/gateway/src/limit-calls/call-limits.js';
import type { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { ConfiguredRights } from '../../apps/gateway/src/user-rights/configured-rights.js';
import type { UserRights } from '../../apps/gateway/src/user-rights/user-rights.js';
import { InFlightWrites } from '../../apps/gateway/src/write/in-flight-writes.js';
import { WriteSupport } from '../../apps/gateway/src/write/write-support.js';
import { askedOf, sentTo, type UpstreamPort } from './answers-in-process.js';
import { writeScope } from './arbitraries.js';
import { type ExportPort, exportsOf, noExports } from './exports-in-process.js';
import type { ModelResource, ModelToken } from './model.js';

/** Our FHIR base, as answers name it. */
export const BASE = 'https://gatehouse.example.org/fhir';
const everything = ['patient/*.cruds', 'user/*.cruds', 'system/*.cruds', 'fhirUser'];
const access = openAccess({ kind: 'patient-access', clientType: 'public', scopes: everything });

/** An answer as its caller has it, without what is new at every call. */
export interface SeenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A FHIR server of which it is told before each request that it is sent one. */
export function counting(upstream: Upstream, onRequest: () => void): UpstreamPort {
  return {
    base: upstream.base,
    ask: async (...asked) => {
      onRequest();
      return await upstream.ask(...asked);
    },
    send: async (...written) => {
      onRequest();
      return await upstream.send(...written);
    },
    pass: async (...passed) => {
      onRequest();
      return await upstream.pass(...passed);
    },
  };
}

/** The gateway's own handling of calls, without a broker: what is in force is always the same. */
export class GatewayInProcess {
  /** What is in force of the application; a test may close it. */
  inForce: EffectiveAccess = access;
  #claims: AccessTokenClaims | undefined;
  readonly #server = createServer((request, response) => {
    const handled = this.#calls.handle(request, response).finally(() => this.#underWay.delete(handled));
    this.#underWay.add(handled);
  });
  readonly #underWay = new Set<Promise<void>>();
  #address = '';
  readonly #calls: FhirCalls;

  readonly openCalls = new OpenCalls();

  /** What was recorded, in order. */
  readonly records: ActivityRecord[] = [];
  /** Runs before a record is acknowledged; one that throws is not. */
  onRecord: (record: ActivityRecord) => void = () => undefined;
  /** How much a Bundle may be; a test may change it. */
  readonly bundles = { entries: 20, answerBytes: 10_000_000, timeMs: 30_000 };
  readonly inFlight = new InFlightWrites();
  /** What the server was found to keep of writes. */
  readonly support: WriteSupport;

  /**
   * @param withhold rules of the endpoint
   * @param observe  what is observed there
   * @param operations what is let through there beside what always is
   * @param admissions of which patients the application sees anything
   * @param rights   who says what users may see there
   * @param updatesCreate whether an update of what is not there creates it
   * @param bodyMemory  how much of large answers may be held at once, in bytes
   */
  constructor(
    upstream: UpstreamPort & Partial<ExportPort>,
    withhold: readonly WithholdingRule[] = [],
    observe: readonly ObserveRule[] = [],
    limits: CallLimits = {},
    operations: readonly AllowedOperation[] = [],
    rights: UserRights = new ConfiguredRights(new Map([['Practitioner', 'everybody']])),
    admissions = new Admissions([]),
    updatesCreate = false,
    bodyMemory = 100_000_000,
  ) {
    this.support = new WriteSupport(upstream);
    this.#calls = new FhirCalls(
      { point: { holdsLease: () => true, access: { byApplicationId: () => this.inForce } }, calls: this.openCalls },
      {
        tokens: {
          believe: async () => {
            if (!this.#claims) throw new Error('no token');
            return this.#claims;
          },
        },
        possession: { check: async () => undefined, nonce: () => 'a-nonce' },
        rights,
        admissions,
        pages: new PageLinks([randomBytes(32)]),
        exports: new ExportLinks([randomBytes(32)]),
        exportsAtWork: new ExportsAtWork(),
        records: new CallRecords(
          {
            append: async (record) => {
              // A broker takes a moment.
              await new Promise(setImmediate);
              this.onRecord(record);
              this.records.push(record);
              return { id: 'r', position: { topic: 'gatehouse.activity', partition: 0, offset: 7n } };
            },
          },
          'gateway-1',
          'default',
          { vaultIdOf: async (id) => `vault-${id}`, onUnavailable: () => undefined },
        ),
        origins: new Origins({ isOriginOfAny: () => false }),
        upstream: {
          base: upstream.base,
          ask: async (target, by) => await upstream.ask(target, by),
          read: async (target, by, mayPass) =>
            await (upstream.read ? upstream.read(target, by, mayPass) : upstream.ask(target, by)),
          send: async (write, by, onHandedOver) => await upstream.send(write, by, onHandedOver),
          pass: async (passed, by, onHandedOver) => await upstream.pass(passed, by, onHandedOver),
          job: async (asked, by) => await (upstream.job ? upstream.job(asked, by) : noExports.job(asked, by)),
          file: (target, by) => (upstream.file ? upstream.file(target, by) : noExports.file(target, by)),
        },
        memory: new BodyMemory(bodyMemory),
        limiter: new CallLimiter(),
        limits,
        observing: new Observing({ id: 'default', observe }),
        onObserved: () => undefined,
        bundles: this.bundles,
        writes: {
          enforced: { bundles: true, writes: { byName: new Set(), ...(updatesCreate ? { updatesCreate } : {}) } },
          inFlight: this.inFlight,
          support: this.support,
          bodyMost: 100_000,
        },
      },
      { base: BASE, path: '/fhir', withhold, operations },
      { warn: () => undefined, error: () => undefined },
    );
  }

  /** Waits until nothing is under way: what became of a call is recorded when its answer has left. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Where it listens on the loopback address. */
  get port(): number {
    return Number(new URL(this.#address).port);
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.#address = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Believes from now on that calls come with this token, of this application, until it expires. */
  believe(token: ModelToken, applicationId = 'a1', expiresAtMs = Date.now() + 3_600_000): void {
    const scopes = parseScopes([...token.scopes.map(writeScope), ...(token.readsOwn ? ['fhirUser'] : [])]);
    if (!scopes.ok) throw new Error(JSON.stringify(scopes.faults));
    const { patient, fhirUser } = token;
    this.#claims = {
      endpoint: 'default',
      tokenId: 't1',
      epoch: 0,
      applicationId,
      clientId: 'client-1',
      approvalVersion: 1,
      scopes: scopes.scopes,
      expiresAtMs,
      subject: 's',
      ...(patient === undefined ? {} : { patient }),
      ...(fhirUser === undefined ? {} : { fhirUser }),
    };
  }

  async call(token: ModelToken, target: string, init: RequestInit = {}, applicationId = 'a1'): Promise<SeenAnswer> {
    this.believe(token, applicationId);
    const response = await fetch(this.#address + target.replace(BASE, ''), {
      ...init,
      // Compressed, a sealed place would make a body longer or shorter by chance.
      headers: {
        authorization: 'Bearer abc',
        'accept-encoding': 'identity',
        ...Object.fromEntries(new Headers(init.headers)),
      },
    });
    const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'date'));
    return { status: response.status, headers, text: await response.text() };
  }
}

/** A hostile server in the same process, filled anew for each case. */
export class HostileUpstream implements UpstreamPort, ExportPort {
  readonly base = 'http://hostile.internal/fhir';
  /** How many matches its pages have at most where the gateway asks. */
  mostAtOnce = Infinity;
  #server = new HostileFhirServer([], this.base);

  holds(resources: readonly ModelResource[]): HostileFhirServer {
    return (this.#server = new HostileFhirServer(resources, this.base));
  }

  readonly #exports = exportsOf((request) => this.#server.handle(request));
  readonly job = this.#exports.job;
  readonly file = this.#exports.file;

  readonly send = sentTo((request) => this.#server.handle(request));
  readonly ask = askedOf((request) => {
    // The documents of a Binary are looked for on a few pages alone.
    this.#server.mostAtOnce = request.target.startsWith('/DocumentReference?location=') ? Infinity : this.mostAtOnce;
    const answer = this.#server.handle(request);
    this.#server.mostAtOnce = Infinity;
    return answer;
  });

  pass: UpstreamPort['pass'] = async ({ method, target, headers, body }) => {
    const text = body?.toString('utf8');
    const answer = this.#server.handle({ method, target, headers, ...(text === undefined ? {} : { body: text }) });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(answer.body) };
  };
}
