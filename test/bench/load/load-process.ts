import { Caller } from './caller.js';
import type { LoadPlan, LoadResult, Sent } from './load-plan.js';

/** The load as a process of its own: a plan comes by message, its result goes back. */
process.on('message', (plan: LoadPlan) => {
  void run(plan).then((result) => process.send?.(result));
});
process.once('disconnect', () => process.exit());

async function run({ port, callers, seconds, sent }: LoadPlan): Promise<LoadResult> {
  const waits: number[] = [];
  const others: Record<string, number> = {};
  const requests = requestsOf(sent);
  const before = process.cpuUsage();
  const from = performance.now();
  const until = from + seconds * 1_000;
  await Promise.all(
    Array.from({ length: callers }, async (_, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const caller = new Caller(port, reject);
      const next = requests(index);
      const ask = (answered?: Buffer): void => {
        const sentAt = performance.now();
        const request = sentAt < until ? next(answered) : undefined;
        if (request === undefined) return resolve();
        caller.send(request, ({ status, body }) => {
          if (status === 200) waits.push(performance.now() - sentAt);
          else {
            const what = `${status} ${body.toString().slice(0, 200)}`;
            others[what] = (others[what] ?? 0) + 1;
          }
          ask(body);
        });
      };
      ask();
      await promise;
      caller.end();
    }),
  );
  const elapsed = (performance.now() - from) / 1_000;
  const { user, system } = process.cpuUsage(before);
  waits.sort((one, other) => one - other);
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? Number.NaN;
  return {
    answered: waits.length,
    others,
    seconds: elapsed,
    p50: at(0.5),
    p99: at(0.99),
    processorMs: (user + system) / 1_000,
  };
}

/** For each caller, what it sends next; undefined when there is nothing more. */
function requestsOf(sent: Sent): (caller: number) => (answered?: Buffer) => string | undefined {
  if (sent.kind === 'given') {
    let at = 0;
    const { requests, once } = sent;
    return () => () => (once && at >= requests.length ? undefined : requests[at++ % requests.length]);
  }
  const { first, head, before, after } = sent;
  const pattern = new RegExp(sent.next);
  return (caller) => {
    let value = first[caller];
    return (answered) => {
      if (answered) value = pattern.exec(answered.toString('latin1'))?.[1];
      if (value === undefined) return undefined;
      const body = before + encodeURIComponent(value) + after;
      return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    };
  };
}
