import type { IncomingMessage, ServerResponse } from 'node:http';
import { sandboxPaths } from '#host';
import type { DirectoryOptions } from '../directory/directory-provider.js';
import { clinicians } from '../fhir-server/data/organizations.js';
import { encountersOf } from '../fhir-server/data/encounters.js';
import { patientSeeds } from '../fhir-server/data/patients.js';
import { readBody } from '../read-body.js';
import { sandboxPagePolicy } from '../sandbox-page.js';
import { CallRefused, GatehouseCalls, type LaunchableApplication } from './gatehouse-calls.js';
import { simulatorPage, type SimulatorView } from './simulator-page.js';

/** The largest form that is read, in bytes. */
const largestForm = 8 * 1024;

/** An EHR for development as a Node handler, for `mountHandler`: its page, and what is posted from it. */
export function simulatorHandler(
  publicUrl: string,
  directory: DirectoryOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const gatehouse = new GatehouseCalls(publicUrl, directory);
  return async (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path !== '' && path !== '/') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'POST')
      return void response.writeHead(405, { allow: 'GET, POST' }).end();
    if (!isOfThisPage(request, publicUrl)) return void response.writeHead(403).end();
    const known = await applicationsOf(gatehouse);
    const chosen = request.method === 'POST' ? await formOf(request) : {};
    const started = request.method === 'POST' ? await start(gatehouse, publicUrl, known.applications, chosen) : known;
    if ('location' in started) {
      return void response.writeHead(303, { location: started.location, 'cache-control': 'no-store' }).end();
    }
    response
      .writeHead('fault' in started ? 422 : 200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': sandboxPagePolicy(known.applications.map(({ launchUri }) => launchUri)),
        'cache-control': 'no-store',
      })
      .end(simulatorPage(viewOf(known.applications, chosen, 'fault' in started ? started.fault : undefined)));
  };
}

/** Browsers say where a form comes from: from no other page, and from none that had its name rebound to loopback. */
function isOfThisPage({ headers, method }: IncomingMessage, publicUrl: string): boolean {
  if (headers.host !== new URL(publicUrl).host) return false;
  // Its `Origin` is `null`, since no page of this server tells others where they come from.
  return method === 'GET' || headers['sec-fetch-site'] === 'same-origin';
}

type Known = { readonly applications: readonly LaunchableApplication[]; readonly fault?: string };

async function applicationsOf(gatehouse: GatehouseCalls): Promise<Known> {
  try {
    return { applications: await gatehouse.launchable() };
  } catch (error) {
    if (error instanceof CallRefused) return { applications: [], fault: error.message };
    throw error;
  }
}

async function formOf(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(new URLSearchParams((await readBody(request, largestForm)) ?? ''));
}

/** Where the browser goes: to the launch URI that the application has registered, and to no other. */
async function start(
  gatehouse: GatehouseCalls,
  publicUrl: string,
  applications: readonly LaunchableApplication[],
  chosen: Readonly<Record<string, string>>,
): Promise<{ readonly location: string } | { readonly fault: string }> {
  const application = applications.find(({ clientId }) => clientId === chosen['application']);
  if (application === undefined) return { fault: 'No such application can be launched.' };
  const { user = '', patient = '', encounter = '', intent = '' } = chosen;
  const given = Object.entries({ patient, encounter, intent }).filter(([, value]) => value !== '');
  try {
    const launch = await gatehouse.mint({ clientId: application.clientId, user, ...Object.fromEntries(given) });
    const to = new URL(application.launchUri);
    to.searchParams.set('iss', `${publicUrl}/fhir`);
    to.searchParams.set('launch', launch);
    return { location: to.href };
  } catch (error) {
    if (error instanceof CallRefused) return { fault: error.message };
    throw error;
  }
}

function viewOf(
  applications: readonly LaunchableApplication[],
  chosen: Readonly<Record<string, string>>,
  fault: string | undefined,
): SimulatorView {
  return {
    action: sandboxPaths.ehr,
    applications: applications.map(({ clientId, name }) => ({ value: clientId, label: name })),
    users: clinicians.map(({ id, given, family }) => ({
      value: `${id}@example.org`,
      label: `Dr. ${given} ${family} (${id})`,
    })),
    patients: patientSeeds.map(({ id, given, family }) => ({ value: id, label: `${given} ${family} (${id})` })),
    encounters: patientSeeds.map((seed) => ({
      patient: `${seed.given} ${seed.family}`,
      of: encountersOf(seed).map(({ id, type, period }) => ({
        value: id ?? '',
        label: `${type?.[0]?.coding?.[0]?.display ?? 'Encounter'}, ${period?.start?.slice(0, 10) ?? ''}`,
      })),
    })),
    chosen,
    ...(fault === undefined ? {} : { fault }),
  };
}
