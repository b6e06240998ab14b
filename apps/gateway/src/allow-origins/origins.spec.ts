import type { IncomingMessage, ServerResponse } from 'node:http';
import { Origins } from './origins.js';

test('remembers no more origins than it may: whoever sends many makes it ask again, and not grow', () => {
  const asked: string[] = [];
  const origins = new Origins({ isOriginOfAny: (origin) => asked.push(origin) === 0 }, () => 0);
  const response = { setHeader: () => response } as Partial<ServerResponse> as ServerResponse;
  const from = (origin: string): void =>
    origins.allowAny({ headers: { origin } } as Partial<IncomingMessage> as IncomingMessage, response);
  from('https://first.example');
  from('https://first.example');
  expect(asked).toHaveLength(1);
  for (let count = 0; count < 1_000; count++) from(`https://${count}.example`);
  from('https://first.example');
  expect(asked).toHaveLength(1_002);
});
