import { OpenCalls } from './open-calls.js';

function aCall(applicationId: string, isAllowed: boolean) {
  const call = { applicationId, isAllowed: () => isAllowed, cut: () => (call.wasCut = true), wasCut: false };
  return call;
}

describe('calls under way when access closes', () => {
  test('what is no longer allowed is cut at once; what still is, and other applications, go on', () => {
    const calls = new OpenCalls();
    const [closed, kept, other] = [aCall('a1', false), aCall('a1', true), aCall('a2', false)];
    for (const call of [closed, kept, other]) calls.open(call);
    calls.lookAgain('a1');
    expect([closed.wasCut, kept.wasCut, other.wasCut]).toEqual([true, false, false]);
  });

  test('a call that has ended is cut no more', () => {
    const calls = new OpenCalls();
    const call = aCall('a1', false);
    calls.open(call)();
    calls.lookAgain('a1');
    expect(call.wasCut).toBe(false);
  });

  test('without a lease every one is cut, whosever it is', () => {
    const calls = new OpenCalls();
    const [one, other, ended] = [aCall('a1', true), aCall('a2', true), aCall('a2', true)];
    for (const call of [one, other]) calls.open(call);
    calls.open(ended)();
    calls.cutAll();
    expect([one.wasCut, other.wasCut, ended.wasCut]).toEqual([true, true, false]);
  });
});
