import { startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { Client } from 'pg';
import { registrationPart } from '../../../apps/registration/src/registration.part.js';
import { AlertWatch } from '../../alerts/alert-watch.js';
import { isolate, type Isolation } from '../../environment/isolation.js';

describe('alerts whose rules count real seconds', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let somebody: Client;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(registrationPart, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix },
    });
    somebody = new Client({ connectionString: own.databaseUrl });
    await somebody.connect();
  }, 60_000);

  afterAll(async () => {
    await somebody.end();
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 60_000);

  it('somebody holds the table of a projection', async () => {
    const watch = new AlertWatch({ g1: service.url });
    expect(await watch.settles()).toEqual([]);
    await somebody.query('BEGIN');
    await somebody.query('LOCK TABLE projection.applications IN ACCESS EXCLUSIVE MODE');
    const registered = await service.call('/registration/applications', {
      headers: { ...(await issuer.bearer('dana', 'developer')), 'idempotency-key': 'held' },
      json: {
        name: 'Heart Diary',
        kind: 'patient-access',
        clientType: 'confidential-symmetric',
        scopes: ['launch/patient', 'patient/Observation.rs'],
        purposesOfUse: [{ code: 'PATRQT', justification: 'Alerts are tried.' }],
        redirectUris: ['https://heart.example.org/callback'],
        contacts: ['security@heart.example.org'],
      },
    });
    expect(registered.status).toBe(201);
    await watch.fires('GatehouseConsumerBehind', { instance: 'g1', consumer: 'registration-applications' });
    await somebody.query('ROLLBACK');
    expect(await watch.settles()).toEqual([]);
  }, 120_000);
});
