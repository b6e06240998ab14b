import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { freePorts } from '../../scripts/infrastructure/ports.mjs';
import { lifecycle } from '../demo/lifecycle.js';
import { beginWalk } from '../demo/walk.js';
import { developmentOn, spawnApp, type Spawned } from '../end-to-end/spawned.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { findValues, type Place, type Secret } from './find-values.js';
import { Harvest } from './harvest.js';
import { CONTACTS, liveOtherLives } from './other-lives.js';
import { tablesOf, topicsOf, vaultOf } from './places.js';

const key = Buffer.alloc(32, 7);

describe('after the whole demo, and other lives', () => {
  let own: Isolation;
  let data: string;
  let gatehouse: Spawned;
  let sql: Client;
  const harvest = new Harvest();
  let places: readonly Place[];
  let lines: readonly Readonly<Record<string, unknown>>[];
  let personal: readonly Secret[];
  let secrets: readonly Secret[];
  let patients: readonly Secret[];

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-leaks-'));
    own = await isolate();
    sql = new Client({ connectionString: own.databaseUrl });
    await sql.connect();
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${String(port)}`;
    const environment = {
      ...developmentOn({ ...own, dataDir: data }),
      PORT: String(port),
      LOG_LEVEL: 'debug',
      VAULT_KEY: key.toString('base64'),
    };
    gatehouse = await spawnApp('gatehouse', environment, 'Gatehouse is ready');
    harvest.begin();
    const walk = await beginWalk(url, () => undefined);
    for (const stage of lifecycle) await stage.run(walk);
    let before = await vaultOf(sql, key);
    await liveOtherLives(url, walk, async () => {
      before = await vaultOf(sql, key);
    });
    harvest.end();
    const after = await vaultOf(sql, key);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    await gatehouse.stop();
    const log = gatehouse.wrote();
    // The one line that is for who starts it names the sandbox's people.
    const wrote = log.split('\n').filter((line) => !line.startsWith('Gatehouse is ready at '));
    lines = wrote
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    places = [
      ...(await topicsOf(own.brokers, own.prefix)),
      ...(await tablesOf(sql)),
      { name: 'what it wrote', content: wrote.join('\n') },
      { name: 'the metrics', content: metrics },
    ];
    const people = [...before.subjects, ...after.subjects].filter(({ subject }) => !subject.startsWith('Patient/'));
    personal = [
      ...CONTACTS.map((value) => ({ what: 'a contact', value })),
      ...people.flatMap(({ name, email, subject }) =>
        [name, email, subject].flatMap((value) => (value === undefined ? [] : [{ what: 'who somebody is', value }])),
      ),
    ];
    patients = [...before.subjects, ...after.subjects].flatMap(({ subject: value }) =>
      value.startsWith('Patient/') ? [{ what: 'a patient', value }] : [],
    );
    secrets = [...harvest.secrets(), ...before.secrets, ...after.secrets];
  }, 240_000);

  afterAll(async () => {
    harvest.end();
    await gatehouse.stop();
    await sql.end();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  it('there was something to find, everywhere', () => {
    const kinds = new Set(secrets.map(({ what }) => what));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'access_token',
        'refresh_token',
        'id_token',
        'the signature of client_assertion',
        'secret',
        'client_secret',
        'registration_access_token',
        'code',
        'code_verifier',
        'a cookie',
        'the part d of a key',
      ]),
    );
    expect(personal.map(({ value }) => value)).toEqual(
      expect.arrayContaining([...CONTACTS, 'dev@example.org', 'Dana Developer', 'patient-12@example.org']),
    );
    expect(patients.map(({ value }) => value)).toContain('Patient/patient-12');
    const empty = places.filter(({ content }) => content.length === 0).map(({ name }) => name);
    expect(places.length - empty.length).toBeGreaterThan(25);
  });

  it('no name and no address of anybody stands outside the vault', () => {
    expect(findValues(personal, places)).toEqual([]);
  });

  it('no name, date of birth, identifier or address of a resource that went through the gateway stands anywhere', () => {
    const clinical = harvest.clinical();
    expect([...new Set(clinical.map(({ what }) => what))]).toEqual(
      expect.arrayContaining(["a patient's birthDate", "a patient's name", "a patient's value", "a patient's line"]),
    );
    expect(clinical.map(({ value }) => value)).toContain('Zacharias Odo Quillfeather-Marsh');
    expect(findValues(clinical, places)).toEqual([]);
  });

  it('a correlation id leads from a request to the lines of who decided, and of who reacted', () => {
    const [reacted] = lines.filter(({ message }) => message === 'reacted');
    const same = lines.filter(({ correlationId }) => correlationId === reacted?.['correlationId']);
    expect(same.map(({ message }) => message)).toEqual(expect.arrayContaining(['decided', 'reacted', 'answered']));
    expect(
      new Set(same.filter(({ message }) => message === 'decided').map(({ commandType }) => commandType)).size,
    ).toBe(2);
  });

  it('no secret, no token and no key stands outside the vault', () => {
    expect(findValues(secrets, places)).toEqual([]);
  });

  it('no patient is named in a topic that is kept for ever', () => {
    const forever = places.filter(({ name }) => /^topic .*(\.events|erasures|checkpoints)$/.test(name));
    expect(forever.length).toBeGreaterThan(5);
    expect(findValues(patients, forever)).toEqual([]);
  });
});
