import type { JobAnswer, JobRequest } from '../ask-upstream/export-job.js';
import { OpenCalls } from '../proxy/open-calls.js';
import { EXPORT_LIFE_MS } from './export-links.js';
import { ExportsAtWork } from './exports-at-work.js';
import { RunningExports } from './running-exports.js';

const HOUR_MS = 3_600_000;

/** An instance before a server at which exports are at work until `answers` says otherwise. */
class Instance {
  now = 0;
  readonly asked: string[] = [];
  answers: (asked: JobRequest) => JobAnswer = () => ({ status: 202 });
  readonly atWork = new ExportsAtWork();
  readonly calls = new OpenCalls();

  endpoint(): RunningExports {
    const job = async (asked: JobRequest): Promise<JobAnswer> => {
      this.asked.push(`${asked.method} ${asked.target}`);
      return this.answers(asked);
    };
    return new RunningExports({ job }, this.calls, { warn: () => undefined }, this.atWork, () => this.now);
  }

  /** Begins so many. @returns how many were let begin */
  async begin(running: RunningExports, many: number, applicationId = 'a1'): Promise<number> {
    let begun = 0;
    for (; begun < many; begun++) {
      const giveBack = await this.atWork.take(applicationId);
      if (!giveBack) break;
      running.began(applicationId, `/job-${this.now}-${begun}`, () => true);
      giveBack();
    }
    return begun;
  }
}

test('an export that takes long counts, whether or not anybody asks about it', async () => {
  const instance = new Instance();
  const running = instance.endpoint();
  expect(await instance.begin(running, 6)).toBe(5);
  instance.now = 20 * HOUR_MS;
  expect(await instance.begin(running, 1)).toBe(0);
  expect(await instance.begin(running, 1, 'a2')).toBe(1);
});

test('those of all endpoints count together', async () => {
  const instance = new Instance();
  const [one, other] = [instance.endpoint(), instance.endpoint()];
  expect([await instance.begin(one, 3), await instance.begin(other, 3)]).toEqual([3, 2]);
});

test('before one is refused the server is asked whether others have ended, not more often than each minute', async () => {
  const instance = new Instance();
  const running = instance.endpoint();
  await instance.begin(running, 5);
  expect(await instance.begin(running, 1)).toBe(0);
  expect(instance.asked).toEqual([]);
  instance.now = 60_000;
  expect(await instance.begin(running, 1)).toBe(0);
  expect(await instance.begin(running, 1)).toBe(0);
  expect(instance.asked).toHaveLength(5);
  instance.now = 120_000;
  const statuses = new Map([
    ['/job-0-0', 200],
    ['/job-0-1', 404],
    ['/job-0-2', 500],
  ]);
  instance.answers = ({ target }) => ({ status: statuses.get(target) ?? 202 });
  expect(await instance.begin(running, 3)).toBe(2);
});

test('one that goes on when its address counts no more is ended at the server', async () => {
  const instance = new Instance();
  const running = instance.endpoint();
  await instance.begin(running, 2);
  running.completed('a1', '/job-0-0');
  instance.now = EXPORT_LIFE_MS;
  expect(await instance.begin(running, 5)).toBe(5);
  expect(instance.asked).toEqual(['DELETE /job-0-1']);
});

test('one that two applications have is ended at the server when neither has it any more', async () => {
  const instance = new Instance();
  const running = instance.endpoint();
  const closed = new Set<string>();
  for (const id of ['a1', 'a2']) running.began(id, '/job-1', () => !closed.has(id));
  expect(running.isOfOthers('a1', '/job-1')).toBe(true);
  for (const id of ['a1', 'a2']) {
    expect(instance.asked).toEqual([]);
    closed.add(id);
    instance.calls.lookAgain(id);
  }
  expect(instance.asked).toEqual(['DELETE /job-1']);
});
