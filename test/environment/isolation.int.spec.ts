import { Client } from 'pg';
import { isolate } from './isolation.js';

describe('isolation of test files', () => {
  it('gives each its own prefix and its own empty database', async () => {
    const [one, other] = await Promise.all([isolate(), isolate()]);
    expect(one.prefix).not.toBe(other.prefix);
    expect(one.databaseUrl).not.toBe(other.databaseUrl);
    await Promise.all([one.dispose(), other.dispose()]);
  });

  it('drops the database, even under an open session', async () => {
    const own = await isolate();
    const session = new Client({ connectionString: own.databaseUrl });
    const ended = new Promise((resolve) => session.on('error', resolve));
    await session.connect();
    await own.dispose();
    await ended;
    await expect(new Client({ connectionString: own.databaseUrl }).connect()).rejects.toMatchObject({ code: '3D000' });
  });
});
