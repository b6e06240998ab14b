import { hasNginx } from './front.js';
import { launchesSmartApplications } from './smart-launches.js';
import { startSeparateProcesses } from './separate-processes.js';
import { spawnWithoutSettings } from './spawned.js';
import { walksThroughTheLifecycle } from './walk-through.js';

describe('two instances of every app, each a process of its own, behind one front: nginx where there is one', () => {
  const running = walksThroughTheLifecycle(startSeparateProcesses);

  (hasNginx() ? it : it.skip)(
    'are behind nginx with the file that is made for it (skipped where there is no nginx)',
    async () => {
      expect(running().front).toBe('nginx');
      expect((await fetch(`${running().url}/docs`)).headers.get('server')).toBe('nginx');
    },
  );

  describe('fhirclient in Chromium', () => launchesSmartApplications(running));

  it.each(['registration', 'approval', 'oauth', 'access', 'review', 'audit', 'sandbox'])(
    "shows an app's own documents at /%s/docs",
    async (path) => {
      const page = await fetch(`${running().url}/${path}/docs`);
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
      const document = (await (await fetch(`${running().url}/${path}/docs/openapi.json`)).json()) as object;
      expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: running().url }] });
    },
  );

  it('keeps for itself what each instance is asked alone', async () => {
    for (const path of ['/health/ready', '/metrics', '/nowhere']) {
      const answer = await fetch(running().url + path);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    }
  });
});

describe('an app that is started alone', () => {
  const apps = ['registration', 'gateway'];

  it('ends with 2 and names what it needs, all at once', async () => {
    const ends = await Promise.all(apps.map(spawnWithoutSettings));
    expect(ends.map(({ code }) => code)).toEqual(apps.map(() => 2));
    for (const { said } of ends) {
      for (const setting of ['KAFKA_BROKERS', 'DATABASE_URL']) expect(said).toContain(setting);
    }
  });
});
