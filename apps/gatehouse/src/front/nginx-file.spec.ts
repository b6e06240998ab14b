import { readFile } from 'node:fs/promises';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import type { ServicePart } from '#host';
import { approvalPart } from '../../../approval/src/approval.part.js';
import { auditPart } from '../../../audit/src/audit.part.js';
import { gateway } from '../../../gateway/src/gateway.part.js';
import { registrationPart } from '../../../registration/src/registration.part.js';
import { reviewPart } from '../../../review/src/review.part.js';
import { sandboxPart } from '../../../sandbox/src/sandbox.part.js';
import { tokenPart } from '../../../token/src/token.part.js';
import { frontedApps, route, sandboxApp } from './app-paths.js';
import { nginxFile } from './nginx-file.js';

const FILE = new URL('../../../../deploy/nginx/gatehouse.conf', import.meta.url);
const parts = [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart, sandboxPart];
const apps = [...frontedApps, sandboxApp];

describe('the front of the apps', () => {
  it('stands in deploy/nginx as it is made', async () => {
    expect(await readFile(FILE, 'utf8')).toBe(nginxFile(frontedApps, { listen: '127.0.0.1:8080' }));
  });

  it('has a server for each instance that is named', () => {
    const file = nginxFile(frontedApps, { listen: '443 ssl', servers: { token: ['10.0.0.5:8083', '10.0.0.6:8083'] } });
    expect(file).toContain(
      'upstream gatehouse_token {\n  server 10.0.0.5:8083 max_fails=3 fail_timeout=1s;\n  server 10.0.0.6:8083 max_fails=3 fail_timeout=1s;\n  keepalive 64;\n',
    );
    expect(file).toContain('upstream gatehouse_gateway {\n  server 127.0.0.1:8084 max_fails=3 fail_timeout=1s;\n');
    expect(file).toContain('  listen 443 ssl;\n');
  });

  it('bounds what one address has at once, in each location but the documents', () => {
    const file = nginxFile(frontedApps, { listen: '443 ssl', perAddress: 64 });
    expect(file).toContain('  limit_conn gatehouse_callers 64;\n  limit_conn gatehouse_large_bodies 8;\n');
    expect(nginxFile(frontedApps, { listen: '443 ssl' })).toContain('  limit_conn gatehouse_callers 256;\n');
    const shown = frontedApps.flatMap(({ paths }) => Object.values(paths)).map((shape) => `@${shape}_429`);
    expect(file.match(/(?<=error_page 429 = )@\w+/g)).toEqual(shown);
  });

  it('knows every app, on the port that it has alone', () => {
    const alone = ({ name, defaultPort }: ServicePart) => ({ name, port: defaultPort });
    expect(apps.map(({ name, port }) => ({ name, port }))).toEqual(parts.map(alone));
  });

  it.each(parts.flatMap((part) => controllersOf(part).map((path) => [part.name, path] as const)))(
    'sends to %s what it serves at /%s',
    (name, path) => {
      expect(route(apps, `/${path}`)?.app.name).toBe(name);
    },
  );

  it.each([
    ['/fhir/Patient/1', 'gateway', '/fhir/Patient/1'],
    ['/fhir/.well-known/smart-configuration', 'gateway', '/fhir/.well-known/smart-configuration'],
    ['/oauth/token', 'token', '/oauth/token'],
    ['/access/v1/evaluation', 'gateway', '/access/v1/evaluation'],
    ['/access/simulations', 'review', '/access/simulations'],
    ['/audit/docs/openapi.json', 'audit', '/docs/openapi.json'],
  ])('sends %s to %s as %s', (path, name, known) => {
    const to = route(apps, path);
    expect([to?.app.name, to?.path]).toEqual([name, known]);
  });

  it.each(['/', '/health/ready', '/metrics', '/docs/openapi.json'])('sends %s to nobody', (path) => {
    expect(route(apps, path)).toBeUndefined();
  });
});

/** The paths of a part's own controllers. */
function controllersOf({ module }: ServicePart): string[] {
  const controllers: unknown = module === undefined ? [] : Reflect.getMetadata('controllers', module);
  const paths = (Array.isArray(controllers) ? controllers : []).flatMap((controller: object) => {
    const path: unknown = Reflect.getMetadata(PATH_METADATA, controller);
    return [path].flat().map((each) => String(each).replace(/^\//, ''));
  });
  return [...new Set(paths)];
}
