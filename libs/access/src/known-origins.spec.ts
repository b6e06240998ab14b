import { KnownOrigins } from './known-origins.js';

test('remembers no more origins than it may: whoever sends many makes it ask again, and not grow', () => {
  const asked: string[] = [];
  const origins = new KnownOrigins({ isOriginOfAny: (origin) => asked.push(origin) === 0 }, () => 0);
  origins.isOfAny('https://first.example');
  origins.isOfAny('https://first.example');
  expect(asked).toHaveLength(1);
  for (let count = 0; count < 1_000; count++) origins.isOfAny(`https://${count}.example`);
  origins.isOfAny('https://first.example');
  expect(asked).toHaveLength(1_002);
});

test('what it remembers is soon asked again', () => {
  let now = 0;
  let registered = false;
  const origins = new KnownOrigins({ isOriginOfAny: () => registered }, () => now);
  expect(origins.isOfAny('https://app.example')).toBe(false);
  registered = true;
  expect(origins.isOfAny('https://app.example')).toBe(false);
  now = 5_000;
  expect(origins.isOfAny('https://app.example')).toBe(true);
});
