import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { CronJob } from 'kubernetes-models/batch/v1';
import { Ingress, NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service, ServiceAccount } from 'kubernetes-models/v1';
import { DatabaseConfig } from '#host';
import { testAuthority } from '#testing';
import { parse, parseAllDocuments } from 'yaml';
import { GatewayConfig } from '../../apps/gateway/src/gateway.config.js';
import { frontedApps } from '../../apps/gatehouse/src/front/app-paths.js';
import { nginxFile } from '../../apps/gatehouse/src/front/nginx-file.js';
import { faultsOf, faultsOfCommand } from './environments.js';

const CHART = 'deploy/helm/gatehouse';
const EXAMPLE = '--values=deploy/helm/example-values.yaml';
/** What `helm template --kube-version 1.33.0 gatehouse deploy/helm/gatehouse` gives, with these flags more: kept, since Helm is not at hand everywhere. */
const RENDERED = {
  'deploy/helm/rendered.yaml': [EXAMPLE],
  'deploy/helm/rendered-spool.yaml': [
    EXAMPLE,
    '--values=deploy/helm/spool-values.yaml',
    '--show-only=templates/settings.yaml',
    '--show-only=templates/services.yaml',
  ],
  'deploy/helm/rendered-narrow.yaml': [EXAMPLE, '--values=deploy/helm/narrow-values.yaml'],
} as const;

/** Of each file of the chart, and of what was rendered of it: as `sha256sum` writes them. */
const SUMS = 'deploy/helm/SHA256SUMS';
const sums = (): string =>
  globSync(['deploy/helm/**/*.{yaml,json,tpl,txt}', 'deploy/helm/**/.helmignore'])
    .sort()
    .map((file) => `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}\n`)
    .join('');
const template = (...flags: readonly string[]) =>
  spawnSync('helm', ['template', '--kube-version', '1.33.0', 'gatehouse', CHART, ...flags], { encoding: 'utf8' });

// After a change of the chart, with a helm on the PATH: `RENDER=1 npm run test:unit -- test/deployment/helm`, then again without.
if (process.env['RENDER'] === '1') {
  for (const [file, flags] of Object.entries(RENDERED)) writeFileSync(file, template(...flags).stdout);
  writeFileSync(SUMS, sums());
}

const kinds = {
  ConfigMap,
  CronJob,
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
const narrow = manifestsIn('deploy/helm/rendered-narrow.yaml');
const of = <K extends Kind>(kind: K, among: readonly Manifest[] = manifests) =>
  among.filter((manifest) => manifest.kind === kind);
const services = frontedApps.map(({ name }) => name);
const named = services.map((service) => `gatehouse-${service}`).sort();

/** Of each service's Deployment. */
const deploymentsIn = (among: readonly Manifest[]) =>
  among
    .filter(({ kind }) => kind === 'Deployment')
    .map((manifest) => new Deployment(manifest as ConstructorParameters<typeof Deployment>[0]));
const setsIn = (among: readonly Manifest[]) =>
  among
    .filter(({ kind }) => kind === 'StatefulSet')
    .map((manifest) => new StatefulSet(manifest as ConstructorParameters<typeof StatefulSet>[0]));

/** What runs a service, wherever: with the settings that it is given. */
const running = Object.entries({ rendered: manifests, spooling, narrow }).flatMap(([file, among]) =>
  [...deploymentsIn(among), ...setsIn(among)].map((workload) => {
    const name = workload.metadata?.name ?? '';
    const data = of('ConfigMap', among).find(({ metadata }) => metadata.name === name)?.data ?? {};
    return { title: `${file}: ${name}`, service: name.replace('gatehouse-', ''), workload, data };
  }),
);

const unprivileged = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/** Of a quantity such as 512Mi. */
function bytesOf(quantity: unknown): number {
  const [, number = '', unit = ''] = /^(\d+)([MG])i$/.exec(String(quantity)) ?? [];
  return Number(number) * (unit === 'G' ? 2 ** 30 : 2 ** 20);
}

describe('the chart', () => {
  it('was rendered as it stands here', () => {
    expect(sums()).toBe(readFileSync(SUMS, 'utf8'));
  });

  const hasHelm = spawnSync('helm', ['version']).status === 0;
  (hasHelm ? it : it.skip)(
    'is what was rendered, and has no fault that Helm finds (skipped where there is no helm)',
    () => {
      const lint = spawnSync('helm', ['lint', '--strict', CHART, EXAMPLE], { encoding: 'utf8' });
      expect([lint.status, lint.stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
      for (const [file, flags] of Object.entries(RENDERED))
        expect(template(...flags).stdout).toBe(readFileSync(file, 'utf8'));
    },
  );

  (hasHelm ? it.each : it.skip.each)([
    ['no publicUrl', ['--set', 'publicUrl='], 'publicUrl has to be given'],
    ['a publicUrl in the open', ['--set', 'publicUrl=http://gatehouse.example.org'], "at '/publicUrl'"],
    ['no addresses of proxies', ['--set', 'settings.TRUSTED_PROXIES='], 'TRUSTED_PROXIES has to be given'],
    ['no FHIR server', ['--set', 'fhir.upstreamUrl='], 'fhir.upstreamUrl or fhir.endpointsSecret has to be given'],
    ['files of no secret', ['--set', 'services.gateway.secret=null'], 'services.gateway.secret has to be given'],
    ['ADMIN_PORT in settings', ['--set', 'settings.ADMIN_PORT=9080'], 'ADMIN_PORT is no setting of its own'],
    ['one port for both', ['--set', 'adminPort=8080'], "at '/adminPort'"],
    ['an admin ingress without a port', ['--set', 'adminIngress.enabled=true'], 'adminIngress needs adminPort'],
    ['backups that go nowhere', ['--set', 'backup.enabled=true'], 'backup.existingClaim has to be given'],
    ['a value that nobody knows', ['--set', 'drainSecond=3'], "'drainSecond' not allowed"],
  ])('refuses %s (skipped where there is no helm)', (_what, flags, says) => {
    const { status, stderr } = template(EXAMPLE, ...flags);
    expect([status, stderr]).toEqual([1, expect.stringContaining(says)]);
  });

  it.each(
    [...manifests, ...spooling, ...narrow].map(
      (manifest) => [manifest.kind, manifest.metadata.name, manifest] as const,
    ),
  )('%s %s is as Kubernetes has it', (kind, _name, manifest) => {
    const model = new kinds[kind](manifest as never);
    expect({ apiVersion: manifest.apiVersion, kind }).toEqual({ apiVersion: model.apiVersion, kind: model.kind });
    expect(() => model.validate()).not.toThrow();
  });

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

  it.each(running)(
    '$title: nobody special, on a root that is not written, and with probes where it says how it is',
    ({ workload: { spec }, data }) => {
      const pod = spec?.template.spec;
      const [container] = pod?.containers ?? [];
      // Of a pod with ADMIN_PORT nothing is told elsewhere.
      const told = data['ADMIN_PORT'] ?? '8080';
      const port = container?.ports?.find(({ containerPort }) => String(containerPort) === told)?.name;
      expect(port).toEqual(expect.any(String));
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(container).toMatchObject({
        securityContext: unprivileged,
        startupProbe: { httpGet: { path: '/health/ready', port } },
        readinessProbe: { httpGet: { path: '/health/ready', port } },
        livenessProbe: { httpGet: { path: '/health/live', port } },
        resources: {
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        },
      });
    },
  );

  it.each(running)('$title: has memory for what it holds', ({ service, workload: { spec } }) => {
    const limit = bytesOf(spec?.template.spec?.containers[0]?.resources?.limits?.['memory']);
    // docs/figures.md: what a gateway held under load; the heap of 200,000 applications. Node's heap is half of a container.
    if (service === 'gateway') expect(limit).toBeGreaterThan(466e6 + new GatewayConfig().bodyMemory + 2 ** 26);
    if (service === 'gateway' || service === 'token') expect(limit / 2).toBeGreaterThan(372e6);
    expect(limit).toBeGreaterThanOrEqual(2 ** 29);
  });

  it.each(running)('$title: may take its time to start, and to go', ({ workload, data }) => {
    const pod = workload.spec?.template.spec;
    const { failureThreshold = 0, periodSeconds = 0 } = pod?.containers[0]?.startupProbe ?? {};
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(data['DRAIN_SECONDS']) + 10);
    expect(failureThreshold * periodSeconds).toBe(data['ADMIN_PORT'] === undefined ? 900 : 1800);
    if (workload instanceof Deployment) {
      expect(workload.spec?.progressDeadlineSeconds).toBeGreaterThan(failureThreshold * periodSeconds);
      expect(workload.spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    }
  });

  it('the image bears with as long a start', () => {
    const period = /^HEALTHCHECK .*--start-period=(\d+)s/m.exec(readFileSync('Dockerfile', 'utf8'))?.[1];
    expect(Number(period)).toBeGreaterThanOrEqual(900);
  });

  describe('where records wait on the disk', () => {
    const [set] = setsIn(spooling);
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

  it('has an ingress that does as the nginx file does', () => {
    const annotations = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as {
      readonly ingress: { readonly annotations: Readonly<Record<string, string>> };
    };
    const file = nginxFile(frontedApps, { listen: '127.0.0.1:8080' });
    const inFile = (directive: string) => new RegExp(`^  ${directive} (.*?)s?;$`, 'm').exec(file)?.[1];
    expect(annotations.ingress.annotations).toEqual(
      Object.fromEntries(
        [
          ['proxy-body-size', 'client_max_body_size'],
          ...['connect-timeout', 'read-timeout', 'buffering', 'request-buffering'].map((name) => [
            `proxy-${name}`,
            `proxy_${name.replace('-', '_')}`,
          ]),
          ...['', '-tries', '-timeout'].map((name) => [
            `proxy-next-upstream${name}`,
            `proxy_next_upstream${name.replace('-', '_')}`,
          ]),
        ].map(([name = '', directive = '']) => [`nginx.ingress.kubernetes.io/${name}`, inFile(directive)]),
      ),
    );
  });

  it('says how many connections to Postgres its most replicas hold', () => {
    const pods = of('HorizontalPodAutoscaler')
      .map((manifest) => new HorizontalPodAutoscaler(manifest as never).spec.maxReplicas)
      .reduce((sum, most) => sum + most, 0);
    const said = `${pods} pods, each with up to \`DATABASE_POOL\` (${new DatabaseConfig().pool}) connections: ${
      pods * new DatabaseConfig().pool
    }`;
    expect(readFileSync('deploy/README.md', 'utf8')).toContain(said);
  });

  describe('its network policies', () => {
    const policiesIn = (among: readonly Manifest[]) =>
      new Map(
        of('NetworkPolicy', among).map((manifest) => {
          const { spec } = new NetworkPolicy(manifest);
          const rules = (spec?.egress ?? []).map(({ ports = [], to }) => [ports.map(({ port }) => port), to] as const);
          return [manifest.metadata.name.replace('gatehouse-', ''), { ingress: spec?.ingress, rules }] as const;
        }),
      );
    const [wide, closed] = [policiesIn(manifests), policiesIn(narrow)];
    const inNamespace = (name: string) => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
    });

    it('let each service reach what it uses, and no other port', () => {
      const ports = Object.fromEntries(
        [...wide].map(([service, { rules }]) => [service, rules.flatMap(([all]) => all)]),
      );
      const every = [53, 53, 9093, 5432, 443];
      expect(ports).toEqual({
        registration: [...every, 465],
        approval: every,
        token: [...every, 443],
        gateway: [...every, 443],
        review: every,
        audit: every,
      });
    });

    it('are as narrow as they are told, the cache of names on each node included', () => {
      const names = [{ ...inNamespace('kube-system'), podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }];
      expect(closed.get('gateway')?.rules).toEqual([
        [
          [53, 53],
          [...names, { ipBlock: { cidr: '169.254.20.10/32' } }],
        ],
        [[9093], [inNamespace('kafka')]],
        [[5432], [{ ipBlock: { cidr: '10.0.9.5/32' } }]],
        [[443], undefined],
        [[8200], [inNamespace('vault')]],
        [[4318], [inNamespace('monitoring')]],
        [[443, 8443], [{ ipBlock: { cidr: '10.0.8.0/28' } }]],
        [[8080], [{ ipBlock: { cidr: '10.0.8.16/32' } }]],
      ]);
      expect(closed.get('approval')?.rules.flatMap(([ports]) => ports)).not.toContain(8443);
      expect(closed.get('backup')?.rules.map(([ports]) => ports)).toEqual([[53, 53], [5432], [443], [8200]]);
    });

    it('let the ingress controller in, and who reads metrics; nobody calls a backup', () => {
      for (const [service, { ingress }] of wide) {
        expect([service, ingress]).toEqual([
          service,
          [
            { from: [inNamespace('ingress-nginx')], ports: [{ protocol: 'TCP', port: 'http' }] },
            { from: [inNamespace('monitoring')], ports: [{ protocol: 'TCP', port: 'http' }] },
          ],
        ]);
      }
      expect(closed.get('backup')?.ingress).toBeUndefined();
    });

    it('let who reads metrics, and who administers, in to the admin port alone, where there is one', () => {
      expect(closed.get('gateway')?.ingress).toEqual([
        { from: [inNamespace('ingress-nginx')], ports: [{ protocol: 'TCP', port: 'http' }] },
        {
          from: [inNamespace('monitoring'), inNamespace('ingress-internal')],
          ports: [{ protocol: 'TCP', port: 'admin' }],
        },
      ]);
    });
  });

  describe('with a port for administration', () => {
    it('brings it to a host of its own, and the public one to nothing else than what is public', () => {
      const paths = of('Ingress', narrow)
        .map((manifest) => new Ingress(manifest as ConstructorParameters<typeof Ingress>[0]))
        .map(({ spec }) =>
          (spec?.rules ?? []).flatMap(({ host, http }) =>
            (http?.paths ?? []).map(
              ({ path, backend }) => `${host ?? ''}${path ?? ''} ${backend.service?.port?.name ?? ''}`,
            ),
          ),
        );
      const [outside, inside] = ['gatehouse.example.org', 'gatehouse.internal.example.org'];
      expect(paths).toEqual([
        [`${outside}/fhir http`],
        [
          `${inside}/approval admin`,
          `${inside}/access admin`,
          `${inside}/ext-authz admin`,
          `${inside}/registration admin`,
        ],
      ]);
    });

    it('a service has both ports', () => {
      const [service] = of('Service', narrow).map((manifest) => new Service(manifest as never));
      expect(service?.spec?.ports?.map(({ name, targetPort }) => [name, targetPort])).toEqual([
        ['http', 'http'],
        ['admin', 'admin'],
      ]);
    });
  });

  describe('backups of the vault', () => {
    const [job] = of('CronJob', narrow).map((manifest) => new CronJob(manifest as never));
    const pod = job?.spec.jobTemplate.spec?.template.spec;

    it('are written to a claim, by somebody as little special as a service', () => {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        restartPolicy: 'Never',
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [{ securityContext: unprivileged }],
      });
      const written = pod?.containers[0]?.volumeMounts?.filter(({ readOnly }) => readOnly !== true);
      expect(written).toEqual([{ name: 'backups', mountPath: '/backups' }]);
      expect(pod?.volumes?.find(({ name }) => name === 'backups')?.persistentVolumeClaim?.claimName).toBe(
        'gatehouse-backups',
      );
    });

    it('are each a file of its own, by a command that the image has', () => {
      const [script = ''] = pod?.containers[0]?.args ?? [];
      expect(pod?.containers[0]?.command).toEqual(['/bin/sh', '-ec']);
      const told = script.replace('exec node', 'echo').replace('date -u', 'date -u -d 2026-11-27T02:17:00Z');
      const { stdout } = spawnSync('/bin/sh', ['-ec', told], { encoding: 'utf8' });
      expect(stdout).toBe('deploy/image/start.mjs cli vault backup /backups/vault-2026-11-27T021700Z\n');
    });
  });

  it('gives approval the names of endpoints, and no credential of a FHIR server', () => {
    const volumes = Object.fromEntries(
      deploymentsIn(narrow).map(({ metadata, spec }) => [
        metadata?.name,
        spec?.template.spec?.volumes?.find(({ name }) => name === 'fhir')?.secret,
      ]),
    );
    const secretName = 'gatehouse-fhir';
    expect(volumes).toMatchObject({
      'gatehouse-registration': undefined,
      'gatehouse-approval': { secretName, items: [{ key: 'endpoints.json', path: 'endpoints.json' }] },
      'gatehouse-gateway': { secretName },
    });
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
        'every-vault-kms-token': 's.example-of-a-token',
        'fhir-endpoints.json': JSON.stringify({
          endpoints: [{ id: 'main', upstreamUrl: 'https://fhir.example.org/r4', auditAvailable: ['read'] }],
        }),
      };
      for (const [name, value] of Object.entries(secrets)) writeFileSync(path.join(folder, name), value);
      const authority = testAuthority();
      const { cert, key: certKey } = authority.issue('gatehouse-gateway');
      writeFileSync(path.join(folder, 'every-ca'), authority.ca);
      writeFileSync(path.join(folder, 'kafka-tls.crt'), cert);
      writeFileSync(path.join(folder, 'kafka-tls.key'), certKey);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    const given = (data: Readonly<Record<string, string>>) =>
      Object.fromEntries(
        Object.entries(data).map(([variable, value]) => [
          variable,
          value.replace(/^\/run\/secrets\/(\w+)\/(.+)$/, (_whole, volume: string, file: string) =>
            path.join(folder, `${volume}-${file}`),
          ),
        ]),
      );

    it.each(running)('$title is given settings that it would start with, and no others', ({ service, data }) => {
      expect(faultsOf(service, { HOST: '0.0.0.0', PORT: '8080', ...given(data) })).toEqual([]);
    });

    it('a backup is given those of its command', () => {
      const { data = {} } = of('ConfigMap', narrow).find(({ metadata }) => metadata.name === 'gatehouse-backup') ?? {};
      expect(faultsOfCommand('vault', given(data))).toEqual([]);
    });

    it.each(running)('$title mounts what its settings name', ({ workload: { spec }, data }) => {
      const [container] = spec?.template.spec?.containers ?? [];
      const secrets = (container?.volumeMounts ?? []).filter(({ readOnly }) => readOnly === true);
      const mounts = secrets.map(({ mountPath }) => `${mountPath}/`);
      const files = Object.values(data).filter((value) => value.startsWith('/run/secrets/'));
      expect(files.filter((file) => !mounts.some((mount) => file.startsWith(mount)))).toEqual([]);
      expect(mounts.filter((mount) => !files.some((file) => file.startsWith(mount)))).toEqual([]);
    });
  });
});
