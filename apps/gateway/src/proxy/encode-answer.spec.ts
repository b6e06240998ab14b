import { gunzipSync } from 'node:zlib';
import { encodedFor } from './encode-answer.js';

const body = Buffer.from('Observation '.repeat(500));
const encoded = async (accepted: string | undefined, it = body) =>
  await encodedFor({ headers: accepted === undefined ? {} : { 'accept-encoding': accepted } }, it);

test.each(['gzip', 'deflate, gzip;q=0.5, br', 'GZIP', '*', 'gzip;q=1.0'])('compressed for %s', async (accepted) => {
  const answer = await encoded(accepted);
  expect(answer.headers).toMatchObject({ 'Content-Encoding': 'gzip' });
  expect(answer.body.length).toBeLessThan(body.length);
  expect(gunzipSync(answer.body)).toEqual(body);
});

test.each([undefined, '', 'br', 'gzip;q=0', 'gzip;q=0.000', 'identity', 'xgzip'])(
  'as it is for %s',
  async (accepted) => {
    const answer = await encoded(accepted);
    expect(answer.headers).not.toHaveProperty('Content-Encoding');
    expect(answer.body).toBe(body);
  },
);

test('what is small stays as it is', async () => {
  const small = Buffer.from('{}');
  expect((await encoded('gzip', small)).body).toBe(small);
});
