import type { ModelRequest, ModelWrite } from './arbitraries.js';
import { type AskedEntry, entry, patch } from './bundle-trial.js';
import type { GatewayInProcess, SeenAnswer } from './gateway-in-process.js';
import type { ModelToken } from './model.js';

/** Sends a write as a call by itself. */
export async function sendWrite(
  gateway: GatewayInProcess,
  token: ModelToken,
  { kind, type, id, condition, body, patched }: ModelWrite,
): Promise<SeenAnswer> {
  const query = condition ? `${condition.name}=${encodeURIComponent(condition.value)}` : '';
  const target = condition ? `/${type}?${query}` : `/${type}/${id}`;
  const headers = { 'content-type': 'application/fhir+json', prefer: 'return=representation' };
  switch (kind) {
    case 'create':
      return await gateway.call(token, `/${type}`, {
        method: 'POST',
        body: JSON.stringify({ ...body, id: 'mine' }),
        headers: { ...headers, ...(condition ? { 'if-none-exist': query } : {}) },
      });
    case 'update': {
      const written = condition ? body : { ...body, id };
      return await gateway.call(token, target, { method: 'PUT', body: JSON.stringify(written), headers });
    }
    case 'patch':
      return await gateway.call(token, target, {
        method: 'PATCH',
        body: JSON.stringify([{ op: 'add', path: `/${patched[0]}`, value: patched[1] }]),
        headers: { ...headers, 'content-type': 'application/json-patch+json' },
      });
    case 'delete':
      return await gateway.call(token, target, { method: 'DELETE', headers });
    default:
      return kind satisfies never;
  }
}

/** What is read, as a URL below the base. */
export function urlOf({ kind, type, id, params }: ModelRequest): string {
  if (kind === 'read') return `${type}/${id}`;
  const query = params.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return query === '' ? type : `${type}?${query}`;
}

/** A write as an entry of a Bundle. */
export function entryOf({ kind, type, id, condition, body, patched }: ModelWrite, fullUrl?: string): AskedEntry {
  const query = condition ? `${condition.name}=${encodeURIComponent(condition.value)}` : '';
  const url = condition ? `${type}?${query}` : `${type}/${id}`;
  switch (kind) {
    case 'create':
      return entry(`POST ${type}`, { ...body, id: 'mine' }, condition ? { ifNoneExist: query } : {}, fullUrl);
    case 'update':
      return entry(`PUT ${url}`, condition ? body : { ...body, id }, {}, fullUrl);
    case 'patch':
      return entry(`PATCH ${url}`, patch({ op: 'add', path: `/${patched[0]}`, value: patched[1] }), {}, fullUrl);
    case 'delete':
      return entry(`DELETE ${url}`, undefined, {}, fullUrl);
    default:
      return kind satisfies never;
  }
}
