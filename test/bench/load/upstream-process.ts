import { createServer } from 'node:net';

/**
 * An upstream that costs next to nothing: it counts the ends of heads, and answers each with the same resource, which
 * comes by message. Its port goes back.
 */
process.once('message', (resource: string) => {
  const answer = Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json; charset=utf-8\r\nETag: W/"1"\r\nContent-Length: ${Buffer.byteLength(resource)}\r\n\r\n${resource}`,
  );
  const server = createServer({ noDelay: true }, (socket) => {
    let unread = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const heads = (unread + chunk.toString('latin1')).split('\r\n\r\n');
      unread = heads.pop() ?? '';
      for (let head = 0; head < heads.length; head++) socket.write(answer);
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
  });
});
process.once('disconnect', () => process.exit());
