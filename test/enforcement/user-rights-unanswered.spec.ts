import type { StoredResource } from '#testing';
import { entry, mine, observation, theirs } from './bundle-trial.js';
import { wrongs } from './decision-point.js';
import type { SeenAnswer } from './gateway-in-process.js';
import { guardedServers } from './guarded-servers.js';
import { RightsTrial } from './rights-trial.js';

interface Bundle {
  readonly entry?: readonly { readonly resource?: StoredResource; readonly response?: { readonly status: string } }[];
}

describe.each(guardedServers)('nobody answers what a user may see, before %s', (_name, listen) => {
  let trial: RightsTrial;
  beforeEach(async () => void (trial = await RightsTrial.start(listen)));
  afterEach(async () => await trial.close());

  /** A write: a deletion, where the server gets any. */
  const writing = (): readonly [method: string, target: string, body?: object] =>
    trial.guarded.deletesUnasked === true
      ? ['PUT', `/${mine}`, observation('patient-01', { id: mine.slice(12) })]
      : ['DELETE', `/${mine}`];
  const bundleIn = ({ text }: SeenAnswer) => JSON.parse(text) as Bundle;

  test.each(wrongs)('the point %s: nothing leaves, and it does not show whether there is anything', async (wrong) => {
    trial.point.wrong = wrong;
    const answers = await Promise.all([
      trial.get(`/${mine}`),
      trial.get(`/${theirs}`),
      trial.get('/Observation/none'),
      trial.get('/Observation?_id=observation-01-laboratory'),
      trial.get('/Observation?_id=none'),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, text: answers[0].text });
      expect(answer.headers['retry-after']).toBeDefined();
    }
    expect(JSON.parse(answers[0].text)).toMatchObject({ resourceType: 'OperationOutcome' });
  });

  test.each(wrongs)('the point %s: no page of a search leaves, and nothing is written', async (wrong) => {
    trial.point.wrong = wrong;
    const [method, target, body] = writing();
    const [search, write] = await Promise.all([
      trial.get('/Observation?patient=patient-01&_count=20'),
      trial.send(method, target, body),
    ]);
    expect(search).toMatchObject({ status: 503, text: write.text });
    expect(write.status).toBe(503);
    expect(await trial.there(mine)).toBeDefined();
  });

  test('a point that fails too often is asked no more for a while', async () => {
    trial.point.wrong = 'hangs up';
    for (let call = 0; call < 15; call++) expect((await trial.get(`/${mine}`)).status).toBe(503);
    trial.point.forget();
    trial.point.wrong = undefined;
    expect((await trial.get(`/${mine}`)).status).toBe(503);
    expect(trial.point.requests).toEqual([]);
  });

  test('that it cannot answer about one resource breaks nothing for others', async () => {
    trial.point.wrong = 'fails';
    for (let call = 0; call < 15; call++) await trial.get(`/${theirs}`);
    trial.point.wrong = undefined;
    expect((await trial.get(`/${mine}`)).status).toBe(200);
  });

  test.each(['batch', 'transaction'] as const)('without an answer nothing of a %s is carried out', async (type) => {
    trial.point.wrong = 'fails';
    const [method, , body] = writing();
    const answer = await trial.bundle(type, [entry(`${method} ${mine}`, body), entry(`GET ${mine}`)]);
    if (type === 'transaction') expect(answer.status).toBe(503);
    else {
      const statuses = (bundleIn(answer).entry ?? []).map(({ response }) => response?.status.slice(0, 3));
      expect(statuses).toEqual(['503', '503']);
    }
    expect(await trial.there(mine)).toBeDefined();
    expect(answer.text).not.toContain('laboratory');
  });
});
