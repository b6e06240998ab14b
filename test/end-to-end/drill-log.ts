import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { activityTopic, mintId, PARTITIONS, registration, topicsOf } from '#contracts';
import { ensureTopics, type LogSettings } from '#event-log';
import { fillLog } from '../bench/fill-log.js';

/** Of ten records nine are of calls: what an application is declared and told is little beside what it does. */
const CALLS_EACH = 27;
/** From one call of an application to the next: no index of a real log holds one time only. */
const CALL_EVERY_MS = 37;
const LIFE = ['application-registered', 'application-suspended', 'application-reinstated'];

/**
 * Writes about so many events before any service has run, as services would have: applications with their story and the calls
 * that they made. None of them is of a kind to which somebody answers with a command.
 */
export async function fillWithEvents(settings: LogSettings, events: number): Promise<void> {
  const { commands, events: topic } = topicsOf(registration);
  const oneCopy = { replicationFactor: 1, minInSyncReplicas: 1 };
  await ensureTopics(settings, [commands, topic, activityTopic], oneCopy);
  const lives = await Promise.all(LIFE.map((type) => golden(`registration.events/${type}`)));
  const call = await golden('activity/access-allowed');
  const run = randomUUID();
  const begun = Date.parse(call.time);
  await fillLog(settings, PARTITIONS, function* (partition) {
    // Each event is caused by a command, and the partition has one.
    yield { topic: commands.name, key: 'drill', value: '{}' };
    let calls = 0;
    for (let count = 0; count < events / PARTITIONS; count += LIFE.length + CALLS_EACH) {
      const subject = mintId(partition);
      const about = { subject, commandoffset: '0' };
      for (const [index, life] of lives.entries()) {
        const clientId = { ...life.data, ...('clientId' in life.data ? { clientId: subject } : {}) };
        const event = { ...life, ...about, id: randomUUID(), sequence: String(index + 1), data: clientId };
        yield { topic: topic.name, key: subject, value: JSON.stringify(event) };
      }
      for (let at = 0; at < CALLS_EACH; at++) {
        const time = new Date(begun + calls * CALL_EVERY_MS + partition).toISOString();
        const record = { ...call, subject, id: randomUUID(), time, run, sequence: String(calls++) };
        yield { topic: activityTopic.name, key: subject, value: JSON.stringify(record) };
      }
    }
  });
}

interface Envelope {
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A record as the contracts' golden files keep it. */
async function golden(name: string): Promise<Envelope> {
  return JSON.parse(await readFile(`libs/contracts/golden/${name}.v1.json`, 'utf8')) as Envelope;
}
