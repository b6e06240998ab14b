import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, type Provider } from 'oidc-provider';
import { readBody } from '../read-body.js';
import { developmentToken } from './development-token.js';
import { directoryProvider, type DirectoryOptions } from './directory-provider.js';
import { sandboxPagePolicy } from '../sandbox-page.js';
import { loginPage } from './login-page.js';
import { personByEmail, sandboxPassword } from './people.js';

/** The largest form or JSON that the directory's own pages read, in bytes. */
const largestBody = 8 * 1024;

/**
 * The sandbox's directory as a Node handler, for `mountHandler`: the OpenID provider, its login page, and the
 * development-only endpoint `POST /development-token`.
 */
export function directoryHandler(
  options: DirectoryOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const provider = directoryProvider(options);
  const answer = provider.callback();
  return async (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path === '/development-token') return mint(options, request, response);
    if (/^\/interaction\/[\w-]+$/.test(path)) return signIn(provider, options, request, response);
    return answer(request, response);
  };
}

/** `POST { "as": "operator@example.org" }` answers an access token (`npx gatehouse token --as`). */
async function mint(options: DirectoryOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return sendJson(response, 405, { error: 'POST only' }, { allow: 'POST' });
  // Browsers say where a request comes from: no page, and none that had its name rebound to loopback, may mint tokens.
  if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) {
    return sendJson(response, 403, { error: 'not for browsers' });
  }
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    return sendJson(response, 415, { error: 'JSON only' });
  const as = nameIn(await readBody(request, largestBody));
  const person = as === undefined ? undefined : personByEmail(as);
  if (!person)
    return sendJson(response, 400, { error: 'the body must be {"as": an address that the directory knows}' });
  sendJson(response, 200, await developmentToken(person, options));
}

function nameIn(body: string | undefined): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body ?? '');
    return typeof parsed === 'object' && parsed !== null && 'as' in parsed && typeof parsed.as === 'string'
      ? parsed.as
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The login page, and what was typed into it. */
async function signIn(
  provider: Provider,
  { issuer }: DirectoryOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const interaction = await provider.interactionDetails(request, response).catch((error: unknown) => {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  });
  if (!interaction)
    return sendText(
      response,
      400,
      'This sign-in has expired or was begun in another browser. Go back to the application and begin again.\n',
    );
  const form = request.method === 'POST' ? new URLSearchParams(await readBody(request, largestBody)) : undefined;
  const person = personByEmail(form?.get('email') ?? '');
  if (person && form?.get('password') === sandboxPassword) {
    return provider.interactionFinished(
      request,
      response,
      { login: { accountId: person.email, amr: ['pwd'] } },
      { mergeWithLastSubmission: false },
    );
  }
  const { client_id: clientId, redirect_uri: redirectUri, login_hint: hint } = interaction.params;
  const client = typeof clientId === 'string' ? await provider.Client.find(clientId) : undefined;
  const page = loginPage({
    clientName: client?.clientName ?? client?.clientId ?? 'An application',
    action: `${new URL(issuer).pathname}/interaction/${interaction.uid}`,
    email: form?.get('email') ?? (typeof hint === 'string' ? hint : ''),
    ...(form === undefined ? {} : { fault: 'The directory knows no such address and password.' }),
  });
  const policy = sandboxPagePolicy(typeof redirectUri === 'string' ? [redirectUri] : []);
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
    'cache-control': 'no-store',
  };
  response.writeHead(form === undefined ? 200 : 401, headers).end(page);
}

function sendJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
    .end(JSON.stringify(body));
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(text);
}
