import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

/** A SMART application in a browser, written with fhirclient as its authors show it. */
export interface SmartApp {
  readonly origin: string;
  readonly launchUri: string;
  readonly redirectUri: string;
  /** What it registers as, and what it asks for, from now on. */
  is(clientId: string, scope: string, fhirUrl: string): void;
  close(): Promise<void>;
}

const library = readFileSync(createRequire(import.meta.url).resolve('fhirclient/build/fhir-client.min.js'));

/** Serves it on loopback: `/launch` starts, `/` shows whose record it has, and refreshes at a click. */
export async function smartApp(): Promise<SmartApp> {
  let settings: Record<string, string> = {};
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/fhir-client.js') return void response.setHeader('content-type', 'text/javascript').end(library);
    if (path !== '/' && path !== '/launch') return void response.writeHead(404).end();
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page(path === '/launch' ? launching(settings) : running));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const origin = `http://127.0.0.1:${address.port}`;
  return {
    origin,
    launchUri: `${origin}/launch`,
    redirectUri: `${origin}/`,
    is: (clientId, scope, fhirUrl) => {
      settings = { clientId, scope, fhirUrl, redirectUri: `${origin}/` };
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function page(script: string): string {
  return `<!doctype html><title>Growth chart</title><p id="shown">…</p><button id="refresh">Refresh</button>
<script src="/fhir-client.js"></script><script>${script}</script>`;
}

/** With `iss` in the address an EHR launches it; else it launches itself. */
function launching({ clientId, scope, fhirUrl, redirectUri }: Record<string, string>): string {
  const given = JSON.stringify({ clientId, scope, redirectUri });
  return `const standalone = new URLSearchParams(location.search).has('iss') ? {} : { iss: ${JSON.stringify(fhirUrl)} };
FHIR.oauth2.authorize({ ...${given}, ...standalone });`;
}

const running = `const shown = document.getElementById('shown');
const tell = (what) => { shown.textContent = JSON.stringify(what); };
const fail = (error) => tell({ error: String(error) });
const look = async (client) => {
  const patient = await client.patient.read();
  const { refresh_token, scope, encounter, need_patient_banner } = client.state.tokenResponse;
  tell({ patient: patient.id, name: patient.name[0].family, user: client.user.fhirUser, scope, encounter,
    banner: need_patient_banner, lasting: refresh_token !== undefined });
};
FHIR.oauth2.ready().then((client) => {
  document.getElementById('refresh').onclick = async () => {
    const before = { ...client.state.tokenResponse };
    await client.refresh().then(async ({ tokenResponse: after }) => {
      await client.patient.read();
      tell({ refreshed: after.access_token !== before.access_token && after.refresh_token !== before.refresh_token });
    }).catch(fail);
  };
  return look(client);
}).catch(fail);`;
