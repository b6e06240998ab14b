import { survivesBadInput } from './fuzzed.js';

describe('bad input, a little of it', () => {
  survivesBadInput({ seed: 1, runs: 8 });
});
