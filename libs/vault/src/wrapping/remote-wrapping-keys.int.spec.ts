import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { VaultCorrupt, VaultUnavailable } from '../vault.js';
import { LocalWrappingKeys } from './local-wrapping-keys.js';
import { RemoteWrappingKeys } from './remote-wrapping-keys.js';
import { ServiceBeforeLocalKeys } from './service-before-local-keys.js';

/** A key service on loopback, with the calls of docs/adr/0017. */
async function keyService() {
  const keys = new LocalWrappingKeys(randomBytes(32));
  const state = { answer: 201, calls: 0, strangers: 0 };
  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Record<string, string>;
    const bytes = (name: string): Buffer => Buffer.from(asked[name] ?? '', 'base64url');
    state.calls++;
    if (request.headers.authorization !== 'Bearer a-token-of-the-kms') state.strangers++;
    if (state.answer !== 201) return void response.writeHead(state.answer).end();
    const created = (body: object): void => void response.writeHead(201).end(JSON.stringify(body));
    if (request.url === '/vault/wrapped-keys') {
      const wrapped = await keys.wrap(bytes('key'), asked['context'] ?? '');
      return created({ id: `kms/${wrapped.by}`, wrapped: wrapped.bytes.toString('base64url') });
    }
    const by = asked['id']?.replace(/^kms\//, '') ?? '';
    await keys.unwrap({ by, bytes: bytes('wrapped') }, asked['context'] ?? '').then(
      (key) => created({ key: key.toString('base64url') }),
      () => response.writeHead(422).end(),
    );
  };
  const server = createServer((request, response) => void reply(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${String(address.port)}/vault`, state, close };
}

describe('wrapping keys that a service holds', () => {
  let service: Awaited<ReturnType<typeof keyService>>;
  let keys: RemoteWrappingKeys;
  const dataKey = randomBytes(32);

  beforeEach(async () => {
    service = await keyService();
    keys = new RemoteWrappingKeys({ url: service.url, token: 'a-token-of-the-kms' });
  });
  afterEach(() => service.close());

  it('wrap and unwrap there, and what was unwrapped is not asked for again at once', async () => {
    const wrapped = await keys.wrap(dataKey, 'owner:1');
    expect(wrapped.by).toBe(await keys.currentId());
    expect(wrapped.bytes.includes(dataKey)).toBe(false);
    expect(await keys.unwrap(wrapped, 'owner:1')).toEqual(dataKey);
    const { calls } = service.state;
    expect(await keys.unwrap(wrapped, 'owner:1')).toEqual(dataKey);
    expect(service.state).toMatchObject({ calls, strangers: 0 });
  });

  it('unwrap nothing under another context, changed, or from another key, whatever was unwrapped before', async () => {
    const wrapped = await keys.wrap(dataKey, 'owner:1');
    await keys.unwrap(wrapped, 'owner:1');
    const changed = Buffer.from(wrapped.bytes);
    changed.writeUInt8(changed.readUInt8(20) ^ 1, 20);
    await expect(keys.unwrap(wrapped, 'owner:2')).rejects.toThrow(VaultCorrupt);
    await expect(keys.unwrap({ ...wrapped, bytes: changed }, 'owner:1')).rejects.toThrow(VaultCorrupt);
    await expect(keys.unwrap({ ...wrapped, by: 'kms/another' }, 'owner:1')).rejects.toThrow(VaultCorrupt);
  });

  it.each([401, 500, 503, 200])('that answer %i cannot be asked now: nothing is corrupt', async (answer) => {
    const wrapped = await keys.wrap(dataKey, 'owner:1');
    service.state.answer = answer;
    await expect(keys.wrap(dataKey, 'owner:1')).rejects.toThrow(VaultUnavailable);
    await expect(keys.unwrap(wrapped, 'owner:1')).rejects.toThrow(VaultUnavailable);
  });

  it('come after local ones, which still unwrap what they wrapped', async () => {
    const local = new LocalWrappingKeys(randomBytes(32));
    const before = await local.wrap(dataKey, 'owner:1');
    const both = new ServiceBeforeLocalKeys(keys, local);
    expect(await both.unwrap(before, 'owner:1')).toEqual(dataKey);
    const after = await both.wrap(dataKey, 'owner:1');
    expect(after.by).toBe(await keys.currentId());
    expect(await both.unwrap(after, 'owner:1')).toEqual(dataKey);
    await expect(new ServiceBeforeLocalKeys(keys, undefined).unwrap(before, 'owner:1')).rejects.toThrow(VaultCorrupt);
  });
});
