import { VaultUnavailable } from '#vault';
import { DatabaseUnavailable } from '../database/database-error.js';
import { answerCommand } from './answer-command.js';

const succeeded = {
  status: 'succeeded' as const,
  commandId: 'c0ffee',
  subject: 's',
  version: 3,
  position: { topic: 'gatehouse.registration.events', partition: 1, offset: 7n },
  resource: { name: 'Heart Diary' },
  repeated: false,
};

describe('the answer to a command', () => {
  it('is the resource, at its version and position', async () => {
    expect(await answerCommand(succeeded, { context: 'registration' })).toMatchObject({
      status: 200,
      body: { name: 'Heart Diary' },
      headers: { ETag: '"3"', 'Gatehouse-Position': 'gatehouse.registration.events:1:7' },
    });
  });

  it.each([new VaultUnavailable(), new DatabaseUnavailable()])(
    'is 202, never 503, when it was carried out and the resource cannot be shown: %p',
    async (away) => {
      const resource = () => Promise.reject(away);
      expect(await answerCommand(succeeded, { context: 'registration', resource })).toMatchObject({
        status: 202,
        headers: { Location: '/registration/commands/c0ffee' },
      });
    },
  );

  it('hides no mistake of ours', async () => {
    const resource = () => Promise.reject(new TypeError('a mistake'));
    await expect(answerCommand(succeeded, { context: 'registration', resource })).rejects.toThrow('a mistake');
  });
});
