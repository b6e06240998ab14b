/** Which shape an error has that the front itself must give (api.md, REST conventions). */
export type ErrorShape = 'problem' | 'oauth' | 'fhir';

/** An app as the front sees it. */
export interface FrontedApp {
  readonly name: string;
  /** Where it listens when it runs alone. */
  readonly port: number;
  /** What it serves, by the beginning of the path; the longest that fits wins. */
  readonly paths: Readonly<Record<string, ErrorShape>>;
}

/** The one table of who serves what: the nginx file is made from it, and the tests' own front follows it. */
export const frontedApps: readonly FrontedApp[] = [
  { name: 'registration', port: 8081, paths: { '/registration': 'problem' } },
  { name: 'approval', port: 8082, paths: { '/approval': 'problem' } },
  { name: 'token', port: 8083, paths: { '/oauth': 'oauth', '/.well-known': 'oauth' } },
  {
    name: 'gateway',
    port: 8084,
    paths: { '/access': 'problem', '/fhir': 'fhir', '/ext-authz': 'problem' },
  },
  { name: 'review', port: 8085, paths: { '/review': 'problem', '/access/simulations': 'problem' } },
  { name: 'audit', port: 8086, paths: { '/audit': 'problem' } },
];

/** In development alone. */
export const sandboxApp: FrontedApp = { name: 'sandbox', port: 8087, paths: { '/sandbox': 'problem' } };

/** Where the front shows an app's own documents: `/registration/docs`. */
export function docsPathOf({ paths }: FrontedApp): string {
  return `${Object.keys(paths)[0] ?? ''}/docs`;
}

/** The app that serves a path, and the path as that app knows it; undefined where nobody does. */
export function route(
  apps: readonly FrontedApp[],
  path: string,
): { readonly app: FrontedApp; readonly path: string } | undefined {
  const begins = (prefix: string) => path.startsWith(prefix);
  const documents = apps.find((app) => begins(docsPathOf(app)));
  if (documents !== undefined) {
    return { app: documents, path: `/docs${path.slice(docsPathOf(documents).length)}` };
  }
  const [longest] = apps
    .flatMap((app) => Object.keys(app.paths).map((prefix) => ({ app, prefix })))
    .filter(({ prefix }) => begins(prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return longest && { app: longest.app, path };
}
