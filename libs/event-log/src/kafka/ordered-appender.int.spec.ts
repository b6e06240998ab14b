import { topicsOf } from '#contracts';
import { counter, counterTopics, quietLog } from '#testing';
import { isolate } from '../../../../test/environment/isolation.js';
import { ensureTopics } from '../topics/topic-guard.js';
import { NotAppended } from './append-lane.js';
import { OrderedAppender } from './ordered-appender.js';

it('refuses what it has no room for, and takes more when there is some again', async () => {
  const own = await isolate();
  const settings = quietLog(own);
  await ensureTopics(settings, counterTopics, { replicationFactor: 1, minInSyncReplicas: 1 });
  const appender = new OrderedAppender(settings, { deadlineMs: 10_000, maxWaiting: 2 });
  const topic = own.prefix + topicsOf(counter).events.name;
  const append = (value: string, partition = 3) => appender.append(topic, partition, { key: 'k', value });
  const taken = [append('a'), append('b')];
  await expect(append('c')).rejects.toThrow(NotAppended);
  await expect(append('of another partition', 4)).resolves.toMatchObject({ offset: 0n });
  await expect(Promise.all(taken)).resolves.toMatchObject([{ offset: 0n }, { offset: 1n }]);
  await expect(append('c')).resolves.toMatchObject({ offset: 2n });
  await appender.close();
  await own.dispose();
});
