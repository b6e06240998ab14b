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
  /** The key that its page `/service` signs with. */
  signsWith(privateJwk: object): void;
  readonly serviceUri: string;
  close(): Promise<void>;
}

const library = readFileSync(createRequire(import.meta.url).resolve('fhirclient/build/fhir-client.min.js'));

/**
 * Serves it on loopback: `/launch` starts, `/` shows whose record it has, and refreshes at a click; `/service` comes for a
 * token as a backend service.
 */
export async function smartApp(): Promise<SmartApp> {
  let settings: Record<string, string> = {};
  let privateJwk: object = {};
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/fhir-client.js') return void response.setHeader('content-type', 'text/javascript').end(library);
    const script = {
      '/': () => running,
      '/launch': () => launching(settings),
      '/service': () => serving(settings, privateJwk),
    }[path ?? ''];
    if (script === undefined) return void response.writeHead(404).end();
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page(script()));
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
    serviceUri: `${origin}/service`,
    signsWith: (jwk) => {
      privateJwk = jwk;
    },
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
  return `<!doctype html><title>Growth chart</title><p id="shown">…</p><button id="refresh">Refresh</button><button id="read">Read</button>
<script src="/fhir-client.js"></script><script>${script}</script>`;
}

/** With `iss` in the address an EHR launches it; else it launches itself. */
function launching({ clientId, scope, fhirUrl, redirectUri }: Record<string, string>): string {
  const given = JSON.stringify({ clientId, scope, redirectUri });
  return `const standalone = new URLSearchParams(location.search).has('iss') ? {} : { iss: ${JSON.stringify(fhirUrl)} };
FHIR.oauth2.authorize({ ...${given}, ...standalone });`;
}

/**
 * fhirclient knows no client_credentials: what it signs assertions with, where it redeems codes of confidential clients, is
 * called with the same header and claims as there, and its client reads with the token.
 */
function serving({ clientId, scope, fhirUrl }: Record<string, string>, privateJwk: object): string {
  return `const shown = document.getElementById('shown');
const { clientId, scope, fhirUrl, jwk } = ${JSON.stringify({ clientId, scope, fhirUrl, jwk: privateJwk })};
const { environment } = FHIR.client(fhirUrl);
const come = async () => {
  const { token_endpoint: aud } = await FHIR.client(fhirUrl).request('.well-known/smart-configuration');
  const key = await environment.security.importJWK({ ...jwk });
  const jti = environment.base64urlencode(environment.security.randomBytes(32));
  const claims = { iss: clientId, sub: clientId, aud, jti, exp: Math.floor(Date.now() / 1000) + 120 };
  const assertion = await environment.security.signCompactJws(jwk.alg, key, { typ: 'JWT', kid: jwk.kid }, claims);
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope, client_assertion: assertion,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
  const answer = await fetch(aud, { method: 'POST', body });
  const tokenResponse = await answer.json();
  if (!answer.ok) return { status: answer.status, ...tokenResponse };
  const client = FHIR.client({ serverUrl: fhirUrl, clientId, tokenResponse });
  const found = await client.request('Patient/patient-12');
  return { name: found.name[0].family, scope: tokenResponse.scope, expires: tokenResponse.expires_in };
};
come().catch((error) => ({ error: String(error) })).then((what) => { shown.textContent = JSON.stringify(what); });`;
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
  document.getElementById('read').onclick = () => {
    shown.textContent = '…';
    return client.patient.read().then(({ id }) => tell({ read: id }), (error) => tell({ refused: error.status ?? error.statusCode }));
  };
  document.getElementById('refresh').onclick = async () => {
    const before = { ...client.state.tokenResponse };
    await client.refresh().then(async ({ tokenResponse: after }) => {
      await client.patient.read();
      tell({ refreshed: after.access_token !== before.access_token && after.refresh_token !== before.refresh_token });
    }).catch(fail);
  };
  return look(client);
}).catch(fail);`;
