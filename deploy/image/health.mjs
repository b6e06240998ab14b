/** The image's HEALTHCHECK: whether the process answers. It listens once it is ready (LISTEN_WHEN_READY). */
const port = process.env['ADMIN_PORT'] || process.env['PORT'] || '8080';
try {
  const { status } = await fetch(`http://127.0.0.1:${port}/health/live`, { signal: AbortSignal.timeout(2_500) });
  process.exitCode = status === 200 ? 0 : 1;
} catch {
  process.exitCode = 1; // nobody listens, or nobody answers in time
}
