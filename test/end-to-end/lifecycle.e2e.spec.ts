import { startOneProcess } from './one-process.js';
import { walksThroughTheLifecycle } from './walk-through.js';

describe('the whole lifecycle of one application, on the one process', () => {
  walksThroughTheLifecycle(startOneProcess);
});
