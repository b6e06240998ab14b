import { parseArgs } from 'node:util';
import { frontedApps } from './app-paths.js';
import { nginxFile } from './nginx-file.js';

/**
 * `npm run -s nginx` prints the file that stands in deploy/nginx; `-- --listen 0.0.0.0:8080 --server token=10.0.0.5:8083
 * --server token=10.0.0.6:8083` prints that of another site; with `--certificate` and `--key` it speaks TLS, and `--per-address`
 * is how many requests one address may have under way.
 */
const { values } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:8080' },
    certificate: { type: 'string' },
    key: { type: 'string' },
    'per-address': { type: 'string', default: '256' },
    server: { type: 'string', multiple: true, default: [] },
  },
});

const servers: Record<string, string[]> = {};
for (const given of values.server) {
  const [, app = '', address = ''] = /^([a-z]+)=(\S+:\d+)$/.exec(given) ?? [];
  if (!frontedApps.some(({ name }) => name === app)) {
    process.stderr.write(
      `--server ${given}: must be app=host:port, and the app one of ${frontedApps.map(({ name }) => name).join(', ')}\n`,
    );
    process.exit(2);
  }
  (servers[app] ??= []).push(address);
}
const { listen, certificate, key } = values;
if ((certificate === undefined) !== (key === undefined)) {
  process.stderr.write('--certificate and --key go together\n');
  process.exit(2);
}
const perAddress = Number(values['per-address']);
if (!(Number.isSafeInteger(perAddress) && perAddress > 0)) {
  process.stderr.write('--per-address must be a number of requests\n');
  process.exit(2);
}
const tls = certificate === undefined || key === undefined ? {} : { tls: { certificate, key } };
process.stdout.write(nginxFile(frontedApps, { listen, ...tls, perAddress, servers }));
