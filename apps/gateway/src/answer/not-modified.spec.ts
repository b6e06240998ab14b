import { isNotModified } from './not-modified.js';

const version = { etag: 'W/"3"', lastModified: 'Tue, 20 Jan 2026 09:00:00 GMT' };

test.each([
  [{ 'if-none-match': 'W/"3"' }, true],
  [{ 'if-none-match': '"3"' }, true],
  [{ 'if-none-match': 'W/"1", W/"3"' }, true],
  [{ 'if-none-match': '*' }, true],
  [{ 'if-none-match': 'W/"2"' }, false],
  [{ 'if-none-match': 'W/"2"', 'if-modified-since': 'Tue, 20 Jan 2026 09:00:00 GMT' }, false],
  [{ 'if-modified-since': 'Tue, 20 Jan 2026 09:00:00 GMT' }, true],
  [{ 'if-modified-since': 'Tue, 20 Jan 2026 08:59:59 GMT' }, false],
  [{ 'if-modified-since': 'yesterday' }, false],
  [{}, false],
])('%j: %s', (headers, expected) => {
  expect(isNotModified(headers, version)).toBe(expected);
});

test('what has no version is always sent', () => {
  expect(isNotModified({ 'if-none-match': '*' }, {})).toBe(false);
});
