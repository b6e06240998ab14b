import { progressBar } from './progress-bar.js';

it.each([
  [0, `[${' '.repeat(30)}]   0 %  begun`],
  [0.5, `[${'█'.repeat(15)}${' '.repeat(15)}]  50 %  begun`],
  [0.999, `[${'█'.repeat(29)} ]  99 %  begun`],
  [1.2, `[${'█'.repeat(30)}] 100 %  begun`],
])('shows %d of it, and is full only when all is done', (share, line) => {
  expect(progressBar(share, 'begun')).toBe(line);
});
