import { survivesBadInput } from '../../fuzz/fuzzed.js';

describe('bad input, a lot of it', () => {
  // Other requests every day.
  survivesBadInput({ seed: Math.floor(Date.now() / 86_400_000), runs: 200 });
});
