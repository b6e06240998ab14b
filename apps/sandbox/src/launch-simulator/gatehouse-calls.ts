import { sandboxPaths } from '#host';
import { developmentToken } from '../directory/development-token.js';
import type { DirectoryOptions } from '../directory/directory-provider.js';
import { personByEmail, sandboxPassword } from '../directory/people.js';

/** An application that an EHR may start. */
export interface LaunchableApplication {
  readonly clientId: string;
  readonly name: string;
  readonly launchUri: string;
}

/** Gatehouse said no, in its own words. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
}

/** What the simulator asks Gatehouse, over the REST interface that an EHR and an operator have. */
export class GatehouseCalls {
  constructor(
    private readonly publicUrl: string,
    private readonly directory: DirectoryOptions,
  ) {}

  /** Applications with open access and a launch URI; the first hundred. Throws `CallRefused`. */
  async launchable(): Promise<readonly LaunchableApplication[]> {
    const operator = personByEmail('operator@example.org');
    if (operator === undefined) throw new Error('the directory knows no operator');
    const { access_token: token } = await developmentToken(operator, this.directory);
    const body = await this.call('/registration/applications?status=active&limit=100', token);
    const items: readonly unknown[] = 'items' in body && Array.isArray(body.items) ? body.items : [];
    return items.flatMap((item) => {
      if (typeof item !== 'object' || item === null) return [];
      const { clientId, name, launchUri } = item as Readonly<Record<string, unknown>>;
      return typeof clientId === 'string' && typeof name === 'string' && typeof launchUri === 'string'
        ? [{ clientId, name, launchUri }]
        : [];
    });
  }

  /** Mints a launch as an EHR does. Throws `CallRefused`. */
  async mint(launch: Readonly<Record<string, string>>): Promise<string> {
    const asked = await fetch(`${this.publicUrl}${sandboxPaths.directory}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        ...{ grant_type: 'client_credentials', client_id: 'launcher', client_secret: sandboxPassword },
      }),
    });
    const token: unknown = Reflect.get((await asked.json()) as object, 'access_token');
    const body = await this.call('/oauth/launches', String(token), launch);
    if (!('launch' in body) || typeof body.launch !== 'string') throw new CallRefused('No launch came back.');
    return body.launch;
  }

  private async call(path: string, token: string, json?: object): Promise<object> {
    const response = await fetch(this.publicUrl + path, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
    });
    const body = (await response.json()) as object;
    if (response.ok) return body;
    throw new CallRefused('detail' in body ? String(body.detail) : `Gatehouse answered ${String(response.status)}.`);
  }
}
