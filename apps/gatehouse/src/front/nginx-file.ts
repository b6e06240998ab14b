import { docsPathOf, type ErrorShape, type FrontedApp } from './app-paths.js';

const notKnown = 'No answer came. Whether anything was done is not known: ask again with the same Idempotency-Key.';

/** What differs from site to site. */
export interface NginxSite {
  /** Where nginx listens, as its `listen` takes it. */
  readonly listen: string;
  /** Where its certificate with its chain and the private key stand, for `listen 443 ssl`. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /**
   * How many requests one address may have under way at once, 256 unless given; of these an eighth with large bodies (100 kB
   * and more, or in chunks). More where many callers share one, behind a proxy of theirs.
   */
  readonly perAddress?: number;
  /** The instances of each app, by its name, as `host:port`; an app that is not named has one on this machine. */
  readonly servers?: Readonly<Partial<Record<string, readonly string[]>>>;
}

/**
 * The nginx file that joins the apps on one port, to be included in the `http` block (as what stands in
 * /etc/nginx/conf.d is).
 */
export function nginxFile(
  apps: readonly FrontedApp[],
  { listen, tls, perAddress = 256, servers = {} }: NginxSite,
): string {
  return `# The apps of Gatehouse on one port. Made by \`npm run nginx\` from apps/gatehouse/src/front/app-paths.ts.
#
# Every app needs the same PUBLIC_URL (this front's), and TRUSTED_PROXIES with this front's address: forwarded headers
# count from nowhere else. For TLS: \`npm run -s nginx -- --listen '443 ssl' --certificate … --key …\`. A further instance of an
# app is one more \`server\` line in its upstream: \`npm run -s nginx -- --server token=10.0.0.5:8083 …\`.
#
# An instance that stops says so by closing its connections; DRAIN_SECONDS must be longer than keepalive_timeout here, so
# that none is kept which the instance ends while a request is on its way (docs/adr/0032).
#
# Where the apps have ADMIN_PORT, this front reaches what clients and patients use, and answers 404 for the rest: administration
# is then at each app's own admin port (docs/adr/0036).
#
# One address has so many requests under way at once, and an eighth of them with large bodies (100 kB and more, or in chunks): an
# app reads 64 of those at once, and takes on REQUESTS_AT_ONCE. What is more is answered 429. Where many callers come from one
# address, behind a proxy of theirs: \`npm run -s nginx -- --per-address 2000 …\`.
#
# Not joined: /health and /metrics, which are asked of each instance; /docs/openapi.json, since each app documents what it
# serves (/docs lists them). The one process merges both.

${apps
  .map(
    ({ name, port }) => `upstream gatehouse_${name} {
${(servers[name] ?? [`127.0.0.1:${port}`]).map((server) => `  server ${server} max_fails=3 fail_timeout=1s;`).join('\n')}
  keepalive 64;
  keepalive_timeout 4s;
}`,
  )
  .join('\n')}

limit_conn_zone $binary_remote_addr zone=gatehouse_callers:10m;
map "$http_transfer_encoding:$http_content_length" $gatehouse_large_body {
  default $binary_remote_addr;
  # What is not counted has no key.
  "~^:[0-9]{0,5}$" "";
}
limit_conn_zone $gatehouse_large_body zone=gatehouse_large_bodies:10m;

server {
  listen ${listen};${
    tls === undefined
      ? ''
      : `
  ssl_certificate ${tls.certificate};
  ssl_certificate_key ${tls.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:gatehouse:4m;`
  }
  server_name _;
  server_tokens off;
  default_type application/problem+json;

  # Paths go on as they came: the apps alone decide what they mean.
  merge_slashes off;
  # The apps have limits of their own, and answer in their own form.
  client_max_body_size 0;
  large_client_header_buffers 8 32k;
  limit_conn gatehouse_callers ${perAddress};
  limit_conn gatehouse_large_bodies ${Math.ceil(perAddress / 8)};
  limit_conn_status 429;

  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  # What the caller says of itself is overwritten.
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header Forwarded "";
  # Nothing is held back here: what a gateway stops at a revocation has not been kept by nginx for a slow reader.
  proxy_buffering off;
  proxy_request_buffering off;
  # Longer than the longest wait of an app (a receipt: 25 s; a FHIR server: up to 120 s).
  proxy_read_timeout 130s;
  proxy_connect_timeout 2s;
  # Tried at the next instance: what has not been sent, whatever it is; and of what has been sent without an answer, what
  # may be done twice (RFC 9110 §9.2.2) and has no body. The rest is the caller's to repeat, with its Idempotency-Key.
  proxy_next_upstream error timeout;
  proxy_next_upstream_tries 3;
  proxy_next_upstream_timeout 10s;

  # An app that is away, or that went away before it answered: what became of a command is not known, so it is no 503.
  proxy_intercept_errors off;

${apps.map(locationsOf).join('\n')}

  location = /docs {
    default_type text/html;
    return 200 '<!doctype html><html lang="en"><meta charset="utf-8"><title>Gatehouse</title><h1>Documents of each app</h1><ul>${apps
      .map((app) => `<li><a href="${docsPathOf(app)}">${app.name}</a>`)
      .join('')}</ul></html>';
  }
  location / {
    return 404 '{"type":"urn:gatehouse:problem:not-found","title":"Not Found","status":404}';
  }
${errorLocations()}
}
`;
}

function locationsOf(app: FrontedApp): string {
  const documents = docsPathOf(app);
  const served = Object.entries(app.paths).map(
    ([path, shape]) => `  location ${path} {
    proxy_pass http://gatehouse_${app.name};
    error_page 429 = @${shape}_429;
    error_page 502 = @${shape}_502;
    error_page 504 = @${shape}_504;
  }`,
  );
  return [
    ...served,
    `  location ${documents} {
    proxy_pass http://gatehouse_${app.name}/docs;
  }`,
  ].join('\n');
}

const refusals = {
  429: {
    title: 'Too Many Requests',
    detail: 'So many requests of one address are not taken on at once. Nothing was done.',
    code: 'throttled',
  },
  502: { title: 'Bad Gateway', detail: notKnown, code: 'transient' },
  504: { title: 'Gateway Timeout', detail: notKnown, code: 'transient' },
} as const;

/** What the front itself answers, in the form of whom it answers for. */
function errorLocations(): string {
  const types = { problem: 'application/problem+json', oauth: 'application/json', fhir: 'application/fhir+json' };
  return ([429, 502, 504] as const)
    .flatMap((status) =>
      (['problem', 'oauth', 'fhir'] as const).map(
        (shape) => `  location @${shape}_${status} {
    default_type ${types[shape]};
    add_header Retry-After 1 always;
    add_header Cache-Control no-store always;
    return ${status} '${JSON.stringify(errorBody(shape, status))}';
  }`,
      ),
    )
    .join('\n');
}

function errorBody(shape: ErrorShape, status: keyof typeof refusals): object {
  const { title, detail, code } = refusals[status];
  switch (shape) {
    case 'problem':
      return { type: `urn:gatehouse:problem:${title.toLowerCase().replaceAll(' ', '-')}`, title, status, detail };
    case 'oauth':
      return { error: 'temporarily_unavailable', error_description: detail };
    case 'fhir':
      return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, diagnostics: detail }] };
  }
}
