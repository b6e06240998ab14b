import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1';
import { testAuthority } from '#testing';
import { parseAllDocuments } from 'yaml';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';
import { faultsOf } from './environments.js';

const CHART = 'deploy/helm/gatehouse';
/** What `helm template --kube-version 1.33.0 gatehouse deploy/helm/gatehouse` gives, with these flags more: kept, since Helm is not at hand everywhere. */
const RENDERED = {
  'deploy/helm/rendered.yaml': [],
  'deploy/helm/rendered-spool.yaml': [
    '--values=deploy/helm/spool-values.yaml',
    '--show-only=templates/settings.yaml',
    '--show-only=templates/services.yaml',
  ],
} as const;

const kinds = {
  ConfigMap,
  Deployment,
  HorizontalPodAutoscaler,
  Ingress,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
  StatefulSet,
} as const;
type Kind = keyof typeof kinds;

/** A manifest as far as these tests look into it; what it is to be is in the schemas. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
}

const manifestsIn = (file: keyof typeof RENDERED): Manifest[] =>
  parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document): Manifest[] => {
    expect(document.errors).toEqual([]);
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
const manifests = manifestsIn('deploy/helm/rendered.yaml');
const spooling = manifestsIn('deploy/helm/rendered-spool.yaml');
const of = <K extends Kind>(kind: K) => manifests.filter((manifest) => manifest.kind === kind);
const services = frontedApps.map(({ name }) => name);
const named = services.map((service) => `gatehouse-${service}`).sort();

/** Of each service's Deployment. */
const deployments = of('Deployment').map(
  (manifest) => new Deployment(manifest as ConstructorParameters<typeof Deployment>[0]),
);

/** Of each file of the chart, and of what was rendered of it: as `sha256sum` writes them. */
const SUMS = 'deploy/helm/SHA256SUMS';
const sums = (): string =>
  globSync(['deploy/helm/**/*.{yaml,tpl,txt}', 'deploy/helm/**/.helmignore'])
    .sort()
    .map((file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}\n`)
    .join('');
const rendered = (flags: readonly string[]): string =>
  spawnSync('helm', ['template', '--kube-version', '1.33.0', 'gatehouse', CHART, ...flags], { encoding: 'utf8' })
    .stdout;

// After a change of the chart, with a helm on the PATH: `RENDER=1 npm run test:unit -- test/deployment/helm`, then again without.
if (process.env['RENDER'] === '1') {
  for (const [file, flags] of Object.entries(RENDERED)) writeFileSync(file, rendered(flags));
  writeFileSync(SUMS, sums());
}

describe('the chart', () => {
  it('was rendered as it stands here', () => {
    expect(sums()).toBe(readFileSync(SUMS, 'utf8'));
  });

  const hasHelm = spawnSync('helm', ['version']).status === 0;
  (hasHelm ? it : it.skip)(
    'is what was rendered, and has no fault that Helm finds (skipped where there is no helm)',
    () => {
      const lint = spawnSync('helm', ['lint', '--strict', CHART], { encoding: 'utf8' });
      expect([lint.status, lint.stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
      for (const [file, flags] of Object.entries(RENDERED)) expect(rendered(flags)).toBe(readFileSync(file, 'utf8'));
    },
  );

  it.each([...manifests, ...spooling].map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
    '%s %s is as Kubernetes has it',
    (kind, _name, manifest) => {
      const model = new kinds[kind](manifest as never);
      expect({ apiVersion: manifest.apiVersion, kind }).toEqual({ apiVersion: model.apiVersion, kind: model.kind });
      expect(() => model.validate()).not.toThrow();
    },
  );

  it('the schemas find what is not so', () => {
    expect(() => new Deployment({ spec: { replicas: 'two' } } as never).validate()).toThrow('replicas');
  });

  it.each([
    'Deployment',
    'Service',
    'ServiceAccount',
    'ConfigMap',
    'PodDisruptionBudget',
    'HorizontalPodAutoscaler',
    'NetworkPolicy',
  ] as const)('has a %s for each service', (kind) => {
    expect(
      of(kind)
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(named);
  });

  it.each(deployments.map((deployment) => [deployment.metadata?.name ?? '', deployment] as const))(
    '%s: nobody special, on a root that is not written, and with probes',
    (_name, { spec }) => {
      const pod = spec?.template.spec;
      const [container] = pod?.containers ?? [];
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(container).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        startupProbe: { httpGet: { path: '/health/ready' } },
        readinessProbe: { httpGet: { path: '/health/ready' } },
        livenessProbe: { httpGet: { path: '/health/live' } },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        },
      });
    },
  );

  describe('where records wait on the disk', () => {
    const [set] = spooling
      .filter(({ kind }) => kind === 'StatefulSet')
      .map((manifest) => new StatefulSet(manifest as ConstructorParameters<typeof StatefulSet>[0]));
    const settings = spooling.find(({ kind }) => kind === 'ConfigMap')?.data ?? {};

    it('each gateway has a volume of its own, which the next pod of its name finds again', () => {
      expect(set?.metadata?.name).toBe('gatehouse-gateway');
      expect(set?.spec).toMatchObject({
        serviceName: 'gatehouse-gateway',
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [{ metadata: { name: 'spool' }, spec: { accessModes: ['ReadWriteOncePod'] } }],
      });
      expect(spooling.filter(({ kind }) => kind === 'Deployment')).toEqual([]);
    });

    it('its folder is on that volume, and the rest of the root is not written', () => {
      const [container] = set?.spec?.template.spec?.containers ?? [];
      const mounted = container?.volumeMounts?.filter(({ readOnly }) => readOnly !== true) ?? [];
      expect(mounted.map(({ name }) => name)).toEqual(['spool']);
      expect(settings['GATEWAY_SPOOL_FOLDER']).toMatch(new RegExp(`^${mounted[0]?.mountPath ?? ''}/`));
      expect(container?.securityContext?.readOnlyRootFilesystem).toBe(true);
    });

    it('the volume holds more than may wait there', () => {
      const [claim] = set?.spec?.volumeClaimTemplates ?? [];
      expect(claim?.spec?.resources?.requests?.['storage']).toBe('1Gi');
      expect(new GatewayConfig().spoolMaxBytes).toBeLessThan(2 ** 30);
    });

    it('is scaled as it is named', () => {
      const scaler = spooling.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
      expect(scaler).toMatchObject({ spec: { scaleTargetRef: { kind: 'StatefulSet', name: 'gatehouse-gateway' } } });
    });
  });

  it('drains before a pod is killed, and takes none away before another is there', () => {
    for (const { metadata, spec } of deployments) {
      const drain = Number(
        of('ConfigMap').find(({ metadata: { name } }) => name === metadata?.name)?.data?.['DRAIN_SECONDS'],
      );
      expect(spec?.template.spec?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drain + 10);
      expect(spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    }
  });

  it('sends each path to the service that serves it', () => {
    const [ingress] = of('Ingress').map(
      (manifest) => new Ingress(manifest as ConstructorParameters<typeof Ingress>[0]),
    );
    const paths = (ingress?.spec?.rules ?? []).flatMap(({ http }) =>
      (http?.paths ?? []).map(({ path, backend }) => [path, backend.service?.name]),
    );
    const wanted = frontedApps.flatMap(({ name, paths: served }) =>
      Object.keys(served).map((served_) => [served_, `gatehouse-${name}`]),
    );
    expect(paths.sort()).toEqual(wanted.sort());
  });

  it('gives the key of commands to the services that decide, and to no other', () => {
    const have = of('ConfigMap').filter(({ data }) => data?.['COMMAND_KEYS_FILE'] !== undefined);
    expect(have.map(({ metadata }) => metadata.name).sort()).toEqual([
      'gatehouse-approval',
      'gatehouse-registration',
      'gatehouse-review',
      'gatehouse-token',
    ]);
  });

  describe('with secrets', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-helm-'));
      const key = Buffer.alloc(32, 1).toString('base64');
      const secrets = {
        'every-database-url': 'postgres://gatehouse:secret@postgres.example.org/gatehouse',
        'every-vault-key': key,
        'kafka-kafka-password': 'secret',
        'deciders-command-keys': `first:${key}`,
        'own-gateway-page-key': key,
        'own-smtp-url': 'smtps://user:password@mail.example.org',
        'own-endpoints.json': JSON.stringify({
          endpoints: [{ id: 'main', upstreamUrl: 'https://fhir.example.org/r4', auditAvailable: ['read'] }],
        }),
      };
      for (const [name, value] of Object.entries(secrets)) writeFileSync(path.join(folder, name), value);
      writeFileSync(path.join(folder, 'every-ca'), testAuthority().ca);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it.each([
      ...services.map((service) => [service, manifests] as const),
      ['gateway', spooling] as const, // where records wait on the disk
    ])('%s is given settings that it would start with, and no others', (service, rendered) => {
      const { data = {} } =
        rendered.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `gatehouse-${service}`) ?? {};
      const environment = Object.fromEntries(
        Object.entries(data).map(([variable, value]) => [
          variable,
          value.replace(/^\/run\/secrets\/(\w+)\/(.+)$/, (_whole, volume: string, file: string) =>
            path.join(folder, `${volume}-${file}`),
          ),
        ]),
      );
      expect(faultsOf(service, { HOST: '0.0.0.0', PORT: '8080', ...environment })).toEqual([]);
    });

    it('mounts what its settings name', () => {
      for (const deployment of deployments) {
        const [container] = deployment.spec?.template.spec?.containers ?? [];
        const mounts = (container?.volumeMounts ?? []).map(({ mountPath }) => `${mountPath}/`);
        const data = of('ConfigMap').find(({ metadata }) => metadata.name === deployment.metadata?.name)?.data ?? {};
        const files = Object.values(data).filter((value) => value.startsWith('/run/secrets/'));
        expect(files.filter((file) => !mounts.some((mount) => file.startsWith(mount)))).toEqual([]);
        expect(mounts.filter((mount) => !files.some((file) => file.startsWith(mount)))).toEqual([]);
      }
    });
  });
});
