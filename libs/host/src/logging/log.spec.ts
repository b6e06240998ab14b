import { Log } from './log.js';
import { correlationIdOf, withContext } from './request-context.js';

describe('the log', () => {
  let lines: Record<string, unknown>[];
  let log: Log;
  beforeEach(() => {
    lines = [];
    log = Log.create('token', 'debug', {
      write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>),
    });
  });

  it('writes JSON with the service, the context and the correlation id', () => {
    withContext({ correlationId: 'c-1' }, () => log.for('writer').info('fenced', { partition: 3 }));
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.any(String),
        service: 'token',
        context: 'writer',
        correlationId: 'c-1',
        partition: 3,
        message: 'fenced',
      },
    ]);
  });

  it('drops what is not in the allow-list', () => {
    const fields = { partition: 3, accessToken: 'secret', email: 'ada@example.org' };
    log.info('fenced', fields);
    expect(lines[0]).not.toHaveProperty('accessToken');
    expect(JSON.stringify(lines)).not.toMatch(/secret|ada@/);
  });

  it('writes errors with their causes, and nothing that they carry besides', () => {
    const cause = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      parameters: ['ada@example.org'],
      response: { body: 'secret' },
    });
    log.error('failed', new Error('no answer', { cause }));
    expect(lines[0]?.['error']).toMatch(/no answer[\s\S]*caused by: Error: refused/);
    expect(JSON.stringify(lines)).not.toMatch(/ada@|secret/);
  });

  it.each([
    ['a JWT', 'bad token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln', 'eyJ'],
    ['a bearer credential', 'sent Bearer abc.def-123', 'abc.def'],
    ['a URL’s password', 'cannot reach postgres://user:hunter2@db/gatehouse', 'hunter2'],
  ])('blots out %s in an error’s message', (_name, message, secret) => {
    log.error('failed', new Error(message));
    expect(JSON.stringify(lines)).not.toContain(secret);
  });
});

describe('the correlation id of a request', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c';
  it.each([
    ['its own', { 'x-correlation-id': 'a.b:c-1', traceparent: `00-${trace}-b7ad6b7169203331-01` }, 'a.b:c-1'],
    ['its trace id', { traceparent: `00-${trace}-b7ad6b7169203331-01` }, trace],
    [
      'its trace id, where its own is unfit',
      { 'x-correlation-id': 'a\nb', traceparent: `00-${trace}-b7ad6b7169203331-01` },
      trace,
    ],
  ])('is %s', (_name, headers, id) => {
    expect(correlationIdOf(headers)).toBe(id);
  });

  it.each([[{}], [{ 'x-correlation-id': 'a'.repeat(65) }], [{ traceparent: 'garbage' }]])(
    'is a new one for %j',
    (headers) => {
      expect(correlationIdOf(headers)).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});
