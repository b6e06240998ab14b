import { setImmediate as nextTurn } from 'node:timers/promises';
import v8 from 'node:v8';
import { collectStart } from './collect-start.js';

const roomOfYoungObjects = (): number =>
  v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.physical_space_size ?? 0;

describe('what a start leaves', () => {
  it('is collected, and the room of young objects given back', async () => {
    const kept: object[] = [];
    // Objects that survive make V8 take more room for young ones.
    for (let each = 0; each < 400_000; each += 1) kept.push({ each });
    const before = roomOfYoungObjects();
    const left = new WeakRef(kept.splice(0));
    await nextTurn(); // a WeakRef holds what it refers to until the turn is over

    collectStart();

    expect(left.deref()).toBeUndefined();
    expect(roomOfYoungObjects()).toBeLessThan(before);
  });
});
