import { randomUUID } from 'node:crypto';
import { bodyDigest, commandId, mintId } from '#contracts';
import { CommandSender, ContextWriter, ensureTopics, type LogSettings } from '#event-log';
import { counter, counterDecider, counterTopics, testAuthority } from '#testing';
import { type GuardedBroker, guardedBroker, OPERATOR } from './guarded-broker.js';

const fail = (error: unknown): never => {
  throw error;
};
const oneCopy = { replicationFactor: 1, minInSyncReplicas: 1 };

let broker: GuardedBroker;
beforeAll(async () => {
  broker = await guardedBroker([]);
});
afterAll(() => broker.stop());

describe('a log behind TLS and SCRAM', () => {
  it('takes commands, decides and answers', async () => {
    const settings = broker.settingsOf(OPERATOR);
    await ensureTopics(settings, counterTopics, oneCopy);
    const sender = new CommandSender(settings, counter, fail);
    const writer = new ContextWriter(settings, counterDecider, fail);
    await sender.start();
    writer.start();
    const answer = await sender.send(
      {
        type: 'open',
        data: {},
        subject: mintId(3),
        id: commandId('me', 'POST', '/counters', randomUUID()),
        actor: 'me',
        correlationId: 'test',
        bodyDigest: bodyDigest({}),
      },
      { waitMs: 30_000 },
    );
    expect(answer).toMatchObject({ status: 'succeeded', version: 1 });
    await writer.close();
    await sender.close();
  });

  it.each<[string, () => LogSettings]>([
    ['in the open', () => ({ ...broker.settingsOf(OPERATOR), ssl: false })],
    ['with another’s password', () => broker.settingsOf(OPERATOR, 'guessed')],
    ['under a name that there is not', () => broker.settingsOf('nobody')],
    ['whose authority did not sign the broker’s certificate', () => foreign()],
  ])('lets nobody in %s', async (_how, settings) => {
    await expect(ensureTopics(settings(), counterTopics, oneCopy)).rejects.toThrow();
  });
});

function foreign(): LogSettings {
  return { ...broker.settingsOf(OPERATOR), ssl: { ca: testAuthority().ca } };
}
