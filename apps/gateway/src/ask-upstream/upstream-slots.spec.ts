import { UpstreamSlots } from './upstream-slots.js';

const bounds = { total: 2, perApplication: 1, waitingPerApplication: 2 };
const goesOn = new AbortController().signal;

describe('slots before the FHIR server', () => {
  test('one application leaves the others theirs', () => {
    const slots = new UpstreamSlots(bounds);
    expect([slots.take('a'), slots.take('a'), slots.take('b'), slots.take('c')]).toEqual([true, false, true, false]);
  });

  test('who waits goes on by turns of applications, whoever asked first', async () => {
    const slots = new UpstreamSlots({ total: 1, perApplication: 1, waitingPerApplication: 2 });
    const order: string[] = [];
    slots.take('a');
    const waiting = ['a', 'a', 'b'].map(async (id, at) => {
      expect(await slots.wait(id, goesOn)).toBeUndefined();
      order.push(`${id}${at}`);
      slots.give(id);
    });
    slots.give('a');
    await Promise.all(waiting);
    expect(order).toEqual(['a0', 'b2', 'a1']);
    expect(slots.take('c')).toBe(true);
  });

  test('nobody overtakes who waits', async () => {
    const slots = new UpstreamSlots({ total: 2, perApplication: 2, waitingPerApplication: 2 });
    slots.take('a');
    slots.take('b');
    const waits = slots.wait('a', goesOn);
    slots.give('b');
    expect(slots.take('a')).toBe(false);
    expect(await waits).toBeUndefined();
  });

  test('too many that wait are refused, and one that ends while it waits takes nothing', async () => {
    const slots = new UpstreamSlots(bounds);
    slots.take('a');
    const gone = new AbortController();
    const first = slots.wait('a', gone.signal);
    const second = slots.wait('a', goesOn);
    expect(await slots.wait('a', goesOn)).toBe('full');
    gone.abort();
    expect(await first).toBe('aborted');
    slots.give('a');
    expect(await second).toBeUndefined();
    expect(slots.take('a')).toBe(false);
    slots.give('a');
    expect(slots.take('a')).toBe(true);
  });

  test('who waits longer than is waited takes nothing, and who comes after does', async () => {
    const slots = new UpstreamSlots({ ...bounds, waitingMs: 1 });
    slots.take('a');
    expect(await slots.wait('a', goesOn)).toBe('too-long');
    slots.give('a');
    expect(slots.take('a')).toBe(true);
  });
});
