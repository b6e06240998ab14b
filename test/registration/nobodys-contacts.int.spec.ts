import { randomUUID } from 'node:crypto';
import { decodeErasure, erasuresTopic, mintId } from '#contracts';
import { HealthRegistry, VAULT } from '#host';
import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { VaultErasures, type Vault } from '#vault';
import { Client } from 'pg';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { NobodysContacts } from '../../apps/registration/src/expire-unclaimed/nobodys-contacts.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { UnbornRegistrations } from '../../apps/token/src/register-client/unborn-registrations.js';
import { tokenPart } from '../../apps/token/src/token.part.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { readBytes } from '../faults/raw-log.js';

type Json = Record<string, unknown>;

/** The vault's tables, in an order in which they may be filled. */
const tables = ['owners', 'subjects', 'sealed', 'system_keys', 'erasures_read'] as const;

let own: Isolation;
let issuer: TestIssuer;
let service: TestService;
let sql: Client;

beforeAll(async () => {
  [own, issuer] = await Promise.all([isolate(), testIssuer()]);
  sql = new Client({ connectionString: own.databaseUrl });
  await sql.connect();
  service = await startTestService(
    { name: 'gatehouse', defaultPort: 8080, parts: [registrationPart, approvalPart, tokenPart] },
    {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        TOKEN_OPEN_REGISTRATION: '1',
        REGISTRATION_CLOCK_SECONDS: '1',
      },
    },
  );
}, 90_000);

afterAll(async () => {
  await service.close();
  await Promise.all([sql.end(), issuer.close()]);
  await own.dispose();
}, 60_000);

const metadata = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/back'],
  scope: 'launch/patient patient/Patient.rs',
  token_endpoint_auth_method: 'none',
};

async function call(path: string, who: { authorization?: string }, json?: Json, method?: string) {
  const init = {
    headers: { ...who },
    ...(json === undefined ? {} : { json }),
    ...(method === undefined ? {} : { method }),
  };
  const response = await service.call(path, init);
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

/** An open registration whose contacts are sealed for nobody. */
async function registered(contact: string) {
  const { status, body } = await call('/oauth/register', {}, { ...metadata, contacts: [contact] });
  expect(status).toBe(201);
  const clientId = String(body['client_id']);
  const {
    rows: [row],
  } = await sql.query<{ application_id: string; owner_id: string }>(
    'SELECT application_id, owner_id FROM protocol.client_registrations WHERE client_id = $1',
    [clientId],
  );
  const reference = async () =>
    (
      await sql.query<{ reference: string | null }>(
        "SELECT state->'other'->>'contacts' AS reference FROM projection.applications WHERE id = $1",
        [row?.application_id],
      )
    ).rows[0]?.reference;
  let found = await reference();
  while (typeof found !== 'string') found = await reference(); // nobody tells
  const token = String(body['registration_access_token']);
  return { clientId, token, id: row?.application_id ?? '', nobody: row?.owner_id ?? '', reference: found };
}

/** What the vault opens, as any program with its key may ask it. */
const opened = (reference: string) => service.app.get<Vault>(VAULT).open(reference);

async function isErased(id: string): Promise<void> {
  for (;;) {
    const records = await readBytes(own.brokers, own.prefix + erasuresTopic.name);
    const found = records.map(({ value }) => decodeErasure(value ?? '')).find(({ meta }) => meta.subject === id);
    if (found === undefined) continue; // nobody tells
    expect(found.data).toEqual({ reason: 'no-longer-needed' });
    return;
  }
}

/** The vault as it is now, and a way to put that copy back, as whoever restores a backup does. */
async function copyOfVault(): Promise<() => Promise<void>> {
  for (const table of tables) await sql.query(`CREATE TABLE public.${table}_before AS TABLE vault.${table}`);
  return async () => {
    await sql.query('BEGIN');
    await sql.query(`TRUNCATE ${tables.map((table) => `vault.${table}`).join()}`);
    for (const table of tables) await sql.query(`INSERT INTO vault.${table} SELECT * FROM public.${table}_before`);
    await sql.query('COMMIT');
  };
}

/** How far the vault has read erasures. */
const erasuresRead = async () => Number(await service.app.get(VaultErasures).readTo());
const seeToContacts = () => service.app.get(NobodysContacts).seeTo('system:test');

test('contacts of an open registration are its claimer’s, and erased with them, in an earlier copy of the vault too', async () => {
  const carla = await issuer.bearer('carla', 'developer');
  expect((await call('/registration/applications', carla)).status).toBe(200);
  const { clientId, token, id, nobody, reference } = await registered('claimed@example.org');
  const putBack = await copyOfVault();

  expect((await call(`/oauth/register/${clientId}/claim`, carla, { registrationAccessToken: token })).status).toBe(200);
  let shown = await call(`/registration/applications/${id}`, carla);
  while (shown.status !== 200) shown = await call(`/registration/applications/${id}`, carla); // nobody tells
  expect(shown.body['contacts']).toEqual(['claimed@example.org']);
  await seeToContacts();

  // Whoever has lost Postgres puts back what there was before the claim: the claimer lives, and so do the contacts.
  const read = await erasuresRead();
  await putBack();
  while ((await erasuresRead()) < read); // nobody tells
  await service.app.get(HealthRegistry).untilReady();
  expect(await opened(reference)).toEqual(['claimed@example.org']);
  await seeToContacts();

  const olga = await issuer.bearer('olga', 'operator');
  const erased = await call(`/oauth/users/${String(shown.body['ownerId'])}/erasure`, olga, { reason: 'requested' });
  expect(erased.status).toBe(200);
  expect(await opened(reference)).toBeUndefined();
  await isErased(nobody);

  await putBack();
  const kept = async () => (await sql.query('SELECT 1 FROM vault.sealed WHERE reference = $1', [reference])).rowCount;
  while ((await kept()) === 1); // nobody tells
  await service.app.get(HealthRegistry).untilReady();
  expect(await opened(reference)).toBeUndefined();
});

test('what cannot be seen to stops nothing that comes after it', async () => {
  const carla = await issuer.bearer('carla', 'developer');
  const claim = ({ clientId, token }: Awaited<ReturnType<typeof registered>>) =>
    call(`/oauth/register/${clientId}/claim`, carla, { registrationAccessToken: token });
  const [broken, sound] = [await registered('broken@example.org'), await registered('sound@example.org')];
  const box = async () => {
    const found = await sql.query<{ owner: Buffer; box: Buffer }>(
      'SELECT owner, box FROM vault.sealed WHERE reference = $1',
      [sound.reference],
    );
    return found.rows[0];
  };
  await sql.query("UPDATE vault.sealed SET box = 'x' WHERE reference = $1", [broken.reference]);
  const before = await box();
  expect((await claim(broken)).status).toBe(500);
  expect((await claim(sound)).status).toBe(200);
  const claimed = "SELECT 1 FROM projection.applications WHERE state ? 'claimed' AND id = ANY($1)";
  while ((await sql.query(claimed, [[broken.id, sound.id]])).rowCount !== 2); // nobody tells
  // As if the process had ended before it handed anything over.
  const unclaimed = [sound.reference, before?.owner, before?.box];
  await sql.query('UPDATE vault.sealed SET owner = $2, box = $3 WHERE reference = $1', unclaimed);
  await seeToContacts();
  expect((await box())?.owner).not.toEqual(before?.owner);
  expect(await opened(sound.reference)).toEqual(['sound@example.org']);
  await sql.query('DELETE FROM vault.sealed WHERE reference = $1', [broken.reference]);
});

test('contacts of one that never came to be are erased a day later', async () => {
  const born = await registered('born@example.org');
  const vault = service.app.get<Vault>(VAULT);
  const begun = async () => {
    const [clientId, nobody] = [mintId(3), randomUUID()];
    await sql.query(
      `INSERT INTO protocol.client_registrations (client_id, application_id, owner_id, unclaimed, digest)
       VALUES ($1, $2, $3, true, '')`,
      [clientId, mintId(3), nobody],
    );
    return { clientId, nobody, reference: await vault.seal(nobody, ['unborn@example.org']) };
  };
  const [old, young] = [await begun(), await begun()];
  const change =
    "UPDATE protocol.client_registrations SET created_at = now() - interval '25 hours' WHERE client_id = ANY($1)";
  await sql.query(change, [[born.clientId, old.clientId]]);
  await service.app.get(UnbornRegistrations).look();
  await isErased(old.nobody);
  expect(await vault.openAll([born, old, young].map(({ reference }) => reference))).toEqual(
    new Map([
      [born.reference, ['born@example.org']],
      [young.reference, ['unborn@example.org']],
    ]),
  );
  const rows = 'SELECT client_id FROM protocol.client_registrations WHERE client_id = ANY($1)';
  const left = await sql.query<{ client_id: string }>(rows, [[born, old, young].map(({ clientId }) => clientId)]);
  expect(left.rows.map((row) => row.client_id).sort()).toEqual([born.clientId, young.clientId].sort());
});

test('contacts of one that deregisters itself before anybody claims it are erased', async () => {
  const { clientId, token, nobody, reference } = await registered('deregistered@example.org');
  expect(await opened(reference)).toEqual(['deregistered@example.org']);
  const bearer = { authorization: `Bearer ${token}` };
  expect((await call(`/oauth/register/${clientId}`, bearer, undefined, 'DELETE')).status).toBe(204);
  await isErased(nobody);
  const kept = 'SELECT 1 FROM vault.sealed WHERE reference = $1';
  while ((await sql.query(kept, [reference])).rowCount === 1); // nobody tells
});

test('an initial access token of somebody who was erased registers nothing', async () => {
  const ines = await issuer.bearer('ines', 'developer');
  const token = String((await call('/oauth/initial-access-tokens', ines, {})).body['token']);
  const {
    rows: [given],
  } = await sql.query<{ owner_id: string }>('SELECT owner_id FROM protocol.initial_access_tokens');
  const olga = await issuer.bearer('olga', 'operator');
  const erased = await call(`/oauth/users/${given?.owner_id ?? ''}/erasure`, olga, { reason: 'requested' });
  expect(erased.status).toBe(200);
  const json = { ...metadata, contacts: ['ines@example.org'] };
  expect(await call('/oauth/register', { authorization: `Bearer ${token}` }, json)).toMatchObject({
    status: 401,
    body: { error: 'invalid_token' },
  });
});
